package platform

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"instar/shared/chat"
)

// maxData is the most bytes of a button's data; chat.Button says so.
const maxData = 64

// CheckButtons checks a card's buttons as channel.Sender promises. The error
// repeats nothing of them.
func CheckButtons(channel string, rows [][]chat.Button) error {
	for _, row := range rows {
		for _, b := range row {
			switch {
			case strings.TrimSpace(b.Label) == "":
				return fmt.Errorf("%s: a button has no label", channel)
			case b.Data == "" || len(b.Data) > maxData || !utf8.ValidString(b.Data):
				return fmt.Errorf("%s: a button's data is not a text of 1 to %d bytes", channel, maxData)
			}
		}
	}
	return nil
}
