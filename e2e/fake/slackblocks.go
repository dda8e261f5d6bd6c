//go:build !js

package fake

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// slackBlocks are the block types of https://docs.slack.dev/reference/block-kit/blocks/
// that a message may have. Sections and actions are looked into; the rest is
// what Instar does not send.
var slackBlocks = []string{"actions", "context", "context_actions", "divider", "file", "header", "image", "input", "markdown", "rich_text", "section", "table", "video"}

// slackButtons validates a message's blocks and reads the buttons in them, a
// row for each actions block.
func slackButtons(blocks []any) (rows [][]Button, e *slackError) {
	ids := map[string]bool{}
	for i, v := range blocks {
		block, _ := v.(map[string]any)
		kind, _ := block["type"].(string)
		if !slices.Contains(slackBlocks, kind) {
			return nil, invalidBlocks("blocks[%d]: unsupported type %q", i, kind)
		}
		if id, given := block["block_id"].(string); given {
			if id == "" || utf8.RuneCountInString(id) > 255 || ids[id] {
				return nil, invalidBlocks("blocks[%d]: block_id is empty, too long or not unique", i)
			}
			ids[id] = true
		}
		var err error
		switch kind {
		case "section":
			err = checkSection(block)
		case "actions":
			var row []Button
			row, err = readActions(block)
			rows = append(rows, row)
		}
		if err != nil {
			return nil, invalidBlocks("blocks[%d]: %v", i, err)
		}
	}
	return rows, nil
}

func invalidBlocks(format string, args ...any) *slackError {
	return &slackError{code: "invalid_blocks", detail: fmt.Sprintf(format, args...)}
}

func checkSection(block map[string]any) error {
	if err := onlyFields(block, "type", "block_id", "text", "fields", "accessory", "expand"); err != nil {
		return err
	}
	if block["text"] == nil && block["fields"] != nil {
		return nil
	}
	_, err := slackWords(block["text"], 3000, "mrkdwn", "plain_text")
	return err
}

// readActions reads an actions block: 1 to 25 elements with different action_ids.
func readActions(block map[string]any) (row []Button, err error) {
	if err := onlyFields(block, "type", "block_id", "elements"); err != nil {
		return nil, err
	}
	elements, _ := block["elements"].([]any)
	if len(elements) == 0 || len(elements) > 25 {
		return nil, fmt.Errorf("%d elements", len(elements))
	}
	ids := map[string]bool{}
	for _, v := range elements {
		element, _ := v.(map[string]any)
		id, given := element["action_id"].(string)
		if given && (id == "" || utf8.RuneCountInString(id) > 255 || ids[id]) {
			return nil, fmt.Errorf("action_id %q is empty, too long or not unique", id)
		}
		ids[id] = given
		switch kind, _ := element["type"].(string); kind {
		case "button":
			b, err := readButton(element)
			if err != nil {
				return nil, err
			}
			row = append(row, b)
		case "":
			return nil, fmt.Errorf("an element without a type")
		}
	}
	return row, nil
}

// readButton reads https://docs.slack.dev/reference/block-kit/block-elements/button-element.
func readButton(element map[string]any) (b Button, err error) {
	if err := onlyFields(element, "type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"); err != nil {
		return b, err
	}
	if b.Label, err = slackWords(element["text"], 75, "plain_text"); err != nil {
		return b, err
	}
	b.Action, _ = element["action_id"].(string)
	value, given := element["value"]
	b.Data, _ = value.(string)
	if given && b.Data == "" || utf8.RuneCountInString(b.Data) > 2000 {
		return b, fmt.Errorf("a button's value is no text of 1 to 2,000 characters")
	}
	if style, given := element["style"]; given && style != "primary" && style != "danger" {
		return b, fmt.Errorf("no such style")
	}
	return b, nil
}

// slackWords reads a text object of at most limit characters and one of the types.
func slackWords(v any, limit int, types ...string) (string, error) {
	object, _ := v.(map[string]any)
	kind, _ := object["type"].(string)
	if !slices.Contains(types, kind) {
		return "", fmt.Errorf("a text is not of type %v", types)
	}
	option := map[string]string{"mrkdwn": "verbatim", "plain_text": "emoji"}[kind]
	if err := onlyFields(object, "type", "text", option); err != nil {
		return "", err
	}
	if on, given := object[option]; given && on != true && on != false {
		return "", fmt.Errorf("%s is not a boolean", option)
	}
	text, _ := object["text"].(string)
	if n := utf8.RuneCountInString(text); n == 0 || n > limit {
		return "", fmt.Errorf("a text of %d characters, not 1 to %d", n, limit)
	}
	return text, nil
}

func onlyFields(object map[string]any, names ...string) error {
	for _, name := range sortedKeys(object) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("invalid additional property: %s", name)
		}
	}
	return nil
}
