//go:build !js

package fake

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// slackNewer describes, in the form of Slack's file, the methods that the file
// is too old for: https://docs.slack.dev/reference/methods/files.getUploadURLExternal
// and files.completeUploadExternal. The first refuses JSON whatever its page says.
const slackNewer = `{
"/files.getUploadURLExternal": {"post": {"consumes": ["application/x-www-form-urlencoded"], "parameters": [
	{"name": "filename", "type": "string", "required": true}, {"name": "length", "type": "integer", "required": true},
	{"name": "alt_txt", "type": "string"}, {"name": "snippet_type", "type": "string"}]}},
"/files.completeUploadExternal": {"post": {"consumes": ["application/x-www-form-urlencoded", "application/json"], "parameters": [
	{"name": "files", "type": "string", "required": true}, {"name": "channel_id", "type": "string"}, {"name": "channels", "type": "string"},
	{"name": "thread_ts", "type": "string"}, {"name": "initial_comment", "type": "string"}, {"name": "blocks", "type": "string"}]}}
}`

func (s *slackSpec) addNewer() {
	if err := json.Unmarshal([]byte(slackNewer), &s.Paths); err != nil {
		panic("fake: " + err.Error())
	}
}

// slackUpload is a file between files.getUploadURLExternal and
// files.completeUploadExternal.
type slackUpload struct {
	key, name string
	length    int
	data      []byte // nil until it is uploaded
}

func (s *Slack) planUploadURL(p slackParams) (slackApplying, *slackError) {
	name := p.text("filename")
	length, err := strconv.Atoi(p.text("length"))
	if name == "" || err != nil || length <= 0 {
		return nil, &slackError{code: "missing_argument", detail: "no filename, or no length above 0"}
	}
	return func(time.Time) (map[string]any, *slackError) {
		id, key := "F"+rand.Text()[:10], rand.Text()
		s.base.mu.Lock()
		defer s.base.mu.Unlock()
		s.uploads[id] = &slackUpload{key: key, name: name, length: length}
		return map[string]any{"upload_url": s.root + "/upload/v1/" + key, "file_id": id}, nil
	}, nil
}

// upload takes a file's bytes, raw or as a part of multipart/form-data: the
// method "upload" for faults and hooks. Slack documents 200 for success and
// anything else for the rest.
func (s *Slack) upload(w http.ResponseWriter, r *http.Request, key string, at time.Time) {
	const method = "upload"
	if !s.wait(r.Context(), s.hanging(method)) {
		cut()
	}
	data, err := readUpload(r)
	s.base.mu.Lock()
	s.calls = append(s.calls, SlackCall{method, map[string]any{"length": len(data)}, at})
	var pending *slackUpload
	for _, u := range s.uploads {
		if u.key == key {
			pending = u
		}
	}
	s.base.mu.Unlock()
	switch {
	case r.Method != http.MethodPost || err != nil:
		s.violate("slack upload: no POST with a readable body: %v", err)
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	case pending == nil:
		http.NotFound(w, r)
		return
	case len(data) != pending.length:
		s.violate("slack upload: %d bytes for a file of %d", len(data), pending.length)
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	hooked := s.arrived(method)
	if hooked.Status < 400 {
		if f := s.failing(method); f != nil {
			hooked = Fault{Status: f.status, Description: f.description, RetryAfter: f.retryAfter}
		}
	}
	if hooked.Status >= 400 {
		if hooked.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(hooked.RetryAfter))
		}
		http.Error(w, hooked.Description, hooked.Status)
		return
	}
	s.base.mu.Lock()
	pending.data = data
	s.base.mu.Unlock()
	if hooked.Dropped || s.dropping(method) {
		cut()
	}
	defer s.answered(w, method)
	io.WriteString(w, "OK - "+strconv.Itoa(len(data)))
}

func readUpload(r *http.Request) ([]byte, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		return io.ReadAll(r.Body)
	}
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return nil, err
	}
	for _, parts := range r.MultipartForm.File {
		part, err := parts[0].Open()
		if err != nil {
			return nil, err
		}
		return io.ReadAll(part)
	}
	return nil, http.ErrMissingFile
}

// planComplete reads files.completeUploadExternal. Which codes Slack has for a
// file that was never uploaded or is completed already is not documented.
func (s *Slack) planComplete(p slackParams) (slackApplying, *slackError) {
	rooms, e := slackRooms(p)
	if e != nil {
		return nil, e
	}
	thread, comment := p.text("thread_ts"), p.text("initial_comment")
	if thread != "" && (!slackPatterns().ts.MatchString(thread) || len(rooms) != 1) {
		return nil, &slackError{code: "invalid_thread_ts", detail: "thread_ts is no timestamp, or not of one channel"}
	}
	if utf8.RuneCountInString(comment) > MaxSlackText {
		return nil, &slackError{code: "msg_too_long", detail: "initial_comment has more than 4,000 characters"}
	}
	var ids []string
	for _, v := range p.list("files") {
		file, _ := v.(map[string]any)
		id, _ := file["id"].(string)
		if _, titled := file["title"].(string); id == "" || file["title"] != nil && !titled {
			return nil, invalidArguments("files has an item without an id, or with a title that is no text")
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, invalidArguments("files is empty")
	}
	return func(at time.Time) (map[string]any, *slackError) {
		files, e := s.complete(ids)
		if e != nil {
			return nil, e
		}
		var answer []any
		for i, f := range files {
			answer = append(answer, map[string]any{"id": ids[i], "title": f.Name})
			for _, room := range rooms {
				posted := SlackMessage{ID: s.nextTS(at), Text: slackUnescape(comment), HTML: comment, Thread: thread, At: at, File: f}
				if i > 0 {
					posted.Text, posted.HTML = "", ""
				}
				s.add(room, posted)
			}
		}
		return map[string]any{"files": answer}, nil
	}, nil
}

// slackRooms are the conversations and users that a file is shared with. Only
// "channels" takes users.
func slackRooms(p slackParams) (rooms []string, e *slackError) {
	if id := p.text("channel_id"); id != "" {
		if slackPatterns().user.MatchString(id) {
			return nil, invalidArguments("channel_id is a user's")
		}
		if !slackPatterns().channel.MatchString(id) {
			return nil, &slackError{code: "channel_not_found", detail: "channel_id is no conversation's"}
		}
		rooms = append(rooms, id)
	}
	if list := p.text("channels"); list != "" {
		for id := range strings.SplitSeq(list, ",") {
			if !slackPatterns().channel.MatchString(id) && !slackPatterns().user.MatchString(id) {
				return nil, &slackError{code: "channel_not_found", detail: "channels has what is no conversation or user"}
			}
			rooms = append(rooms, id)
		}
	}
	return rooms, nil
}

// complete ends uploads: all of them, or none and why.
func (s *Slack) complete(ids []string) (files []*File, e *slackError) {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	for _, id := range ids {
		u := s.uploads[id]
		switch {
		case u == nil:
			return nil, &slackError{code: "file_not_found"}
		case u.data == nil:
			return nil, &slackError{code: "file_update_failed", detail: "nothing was uploaded"}
		}
		files = append(files, &File{Name: u.name, Type: slackFileType(u.name, u.data), Data: u.data, As: "file"})
	}
	for i, id := range ids {
		s.files[id] = slackFile{files[i].Name, files[i].Type, files[i].Data}
		delete(s.uploads, id)
	}
	return files, nil
}

// slackFileType finds out a file's media type as Slack does, from its bytes and name.
func slackFileType(name string, data []byte) string {
	seen, _, _ := strings.Cut(http.DetectContentType(data), ";")
	if byName := mime.TypeByExtension(path.Ext(name)); byName != "" && (seen == "text/plain" || seen == "application/octet-stream") {
		seen, _, _ = strings.Cut(byName, ";")
	}
	return seen
}

func slackUnescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
