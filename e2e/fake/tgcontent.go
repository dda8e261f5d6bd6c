//go:build !js

package fake

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The limits of https://core.telegram.org/bots/api#sendmessage and
// #answercallbackquery, in UTF-16 code units after entities are parsed.
const (
	tgMaxText    = 4096
	tgMaxCaption = 1024
	tgMaxNotice  = 200
)

// content is a text with its formatting.
type content struct {
	text, raw string
	entities  any
	markup    any
	buttons   [][]Button
}

// looks is everything of the content a person can see.
func (c content) looks() string {
	b, _ := json.Marshal([]any{c.text, c.entities, c.markup, c.buttons})
	return string(b)
}

// readContent parses the text parameter by its parse_mode or entities.
func readContent(p tgParams, name string, limit int, tooLong string) (content, *tgError) {
	c := content{raw: p.text(name)}
	var refusal *tgError
	if c.buttons, refusal = readButtons(p); refusal != nil {
		return c, refusal
	}
	if markup := p.object("reply_markup"); markup != nil {
		if rows, inline := markup["inline_keyboard"].([]any); !inline || len(rows) > 0 {
			c.markup = markup // no keyboard and an empty one look the same
		}
	}
	c.text = c.raw
	entities := []any{}
	switch mode := p.text("parse_mode"); strings.ToLower(mode) {
	case "":
		list, _ := p.values[map[string]string{"text": "entities", "caption": "caption_entities"}[name]].([]any)
		for _, e := range list {
			o, _ := e.(map[string]any)
			offset, _ := number(o["offset"])
			length, _ := number(o["length"])
			if offset < 0 || length <= 0 || int(offset+length) > utf16Len(c.raw) {
				return c, wrong("ENTITY_BOUNDS_INVALID")
			}
		}
		entities = list
	case "html":
		text, list, err := parseTgHTML(c.raw)
		if err != nil {
			return c, wrong("can't parse entities: %v", err)
		}
		c.text = text
		for _, e := range list {
			entities = append(entities, e)
		}
	case "markdown", "markdownv2":
	default:
		return c, wrong("unsupported parse_mode")
	}
	if len(entities) > 0 {
		c.entities = entities
	}
	c.text = strings.TrimRight(strings.TrimLeft(c.text, "\r\n"), " \t\r\n")
	if utf16Len(c.text) > limit {
		return c, wrong("%s", tooLong)
	}
	return c, nil
}

func number(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("not a number")
	}
	return n.Int64()
}

// readButtons reads an inline keyboard. It enforces callback_data of 1 to 64
// bytes and one purpose a button.
func readButtons(p tgParams) (keyboard [][]Button, refusal *tgError) {
	rows, _ := p.object("reply_markup")["inline_keyboard"].([]any)
	for _, row := range rows {
		list, _ := row.([]any)
		var buttons []Button
		for _, b := range list {
			button, _ := b.(map[string]any)
			label, _ := button["text"].(string)
			data, hasData := button["callback_data"].(string)
			switch {
			case strings.TrimSpace(label) == "":
				return nil, wrong("inline keyboard button text must be non-empty")
			case hasData && (data == "" || len(data) > 64):
				return nil, wrong("BUTTON_DATA_INVALID")
			case purposes(button) != 1:
				return nil, wrong("text buttons are unallowed in the inline keyboard")
			}
			buttons = append(buttons, Button{Label: label, Data: data})
		}
		if buttons != nil {
			keyboard = append(keyboard, buttons)
		}
	}
	return keyboard, nil
}

// purposes counts what a button does when tapped. Clients send an empty
// copy_text or a false pay along, which Telegram passes over.
func purposes(button map[string]any) int {
	n := 0
	for name, value := range button {
		switch name {
		case "text", "icon_custom_emoji_id", "style":
			continue
		case "copy_text":
			if o, _ := value.(map[string]any); o["text"] == "" {
				continue
			}
		case "pay":
			if value == false {
				continue
			}
		}
		n++
	}
	return n
}
