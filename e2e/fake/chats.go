//go:build !js

package fake

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Button is what can be tapped under a message of the agent.
type Button struct {
	Label  string
	Data   string // callback_data (Telegram) or value (Slack); "" for a link
	Action string // Slack's action_id
}

// File is a file that the agent has posted.
type File struct {
	Name string
	Type string // media type: as uploaded (Telegram), as found out (Slack)
	Data []byte // base64 in the state's JSON
	As   string // "photo", "animation" or "document" (Telegram), "file" (Slack)
}

// Posted is one message of the agent as a person sees it.
type Posted[I int | string] struct {
	ID      I
	Text    string      // what is shown: formatting removed, entities decoded
	HTML    string      // the text as it was sent
	Edits   int         // how often the text was changed
	History []string    // every Text it had, the present one last
	Times   []time.Time // when the call with each Text of History arrived
	Thread  I           // forum topic (Telegram) or thread timestamp (Slack); zero for none
	ReplyTo I           // the message it quotes; zero for none
	At      time.Time   // when the send or the last edit arrived
	Deleted bool
	Buttons [][]Button // in rows; as they are now
	File    *File      // nil for a message of text; with one, Text is its caption

	looks string // text with its formatting and buttons, to tell whether an edit changes anything
}

// Message is one message in a Telegram chat.
type Message = Posted[int]

// SlackMessage is one message in a Slack channel; its ID is the timestamp.
type SlackMessage = Posted[string]

// chats holds the agent's messages of all chats, by chat id.
type chats[K comparable, I int | string] struct {
	mu      sync.Mutex
	byChat  map[K][]*Posted[I]
	changed chan struct{} // closed and replaced at every change
}

// notify wakes the waiters. The caller holds the lock.
func (c *chats[K, I]) notify() {
	if c.changed != nil {
		close(c.changed)
	}
	c.changed = make(chan struct{})
}

func (c *chats[K, I]) add(chat K, p Posted[I]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byChat == nil {
		c.byChat = map[K][]*Posted[I]{}
	}
	p.History, p.Times = []string{p.Text}, []time.Time{p.At}
	c.byChat[chat] = append(c.byChat[chat], &p)
	c.notify()
}

// find returns the living message, or nil. The caller holds the lock.
func (c *chats[K, I]) find(chat K, id I) *Posted[I] {
	for _, p := range c.byChat[chat] {
		if p.ID == id && !p.Deleted {
			return p
		}
	}
	return nil
}

// edit changes a living message to what next shows. It reports whether it was
// found, and whether anything a person can see changed.
func (c *chats[K, I]) edit(chat K, next Posted[I]) (found Posted[I], ok, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.find(chat, next.ID)
	if p == nil {
		return found, false, false
	}
	if p.looks == next.looks {
		return p.clone(), true, false
	}
	p.Text, p.HTML, p.Buttons, p.looks, p.At = next.Text, next.HTML, next.Buttons, next.looks, next.At
	p.Edits++
	p.History, p.Times = append(p.History, p.Text), append(p.Times, p.At)
	c.notify()
	return p.clone(), true, true
}

// Button returns the first button that says label.
func (p Posted[I]) Button(label string) (Button, bool) {
	for _, row := range p.Buttons {
		for _, b := range row {
			if b.Label == label {
				return b, true
			}
		}
	}
	return Button{}, false
}

func (c *chats[K, I]) remove(chat K, id I) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.find(chat, id)
	if p == nil {
		return false
	}
	p.Deleted = true
	c.notify()
	return true
}

func (p *Posted[I]) clone() Posted[I] {
	c := *p
	c.History, c.Times = slices.Clone(p.History), slices.Clone(p.Times)
	return c
}

// Chat returns the agent's messages in one chat, oldest first, without the
// deleted ones.
func (c *chats[K, I]) Chat(id K) []Posted[I] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.living(id)
}

func (c *chats[K, I]) living(id K) []Posted[I] {
	var list []Posted[I]
	for _, p := range c.byChat[id] {
		if !p.Deleted {
			list = append(list, p.clone())
		}
	}
	return list
}

// WaitReply returns the first message of the chat that satisfies is, as soon
// as there is one, or ctx's error. It looks again after every change, so is
// may also wait for an edit.
func (c *chats[K, I]) WaitReply(ctx context.Context, chat K, is func(Posted[I]) bool) (Posted[I], error) {
	for {
		c.mu.Lock()
		list := c.living(chat)
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		for _, p := range list {
			if is(p) {
				return p, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Posted[I]{}, ctx.Err()
		}
	}
}

// all returns every chat's living messages, for State.
func (c *chats[K, I]) all() map[K][]Posted[I] {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[K][]Posted[I]{}
	for id := range c.byChat {
		out[id] = c.living(id)
	}
	return out
}
