package quarantine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Result is what was read. Its strings are out of reach: they leave it into a
// Keeper only. It prints and logs as a fixed text.
type Result struct{ fields []answered }

// String, GoString and LogValue keep a result out of texts.
func (Result) String() string       { return "[quarantined result]" }
func (Result) GoString() string     { return "[quarantined result]" }
func (Result) LogValue() slog.Value { return slog.StringValue("[quarantined result]") }

// MarshalJSON refuses: Keep is the way out.
func (Result) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a quarantined result is not written down")
}

// Keep stores the strings and returns what the main model may see:
//
//	{"values": {"total": 12.5, "title": "text:title:0:0a1b2c3d", "due": null}, "notes": ["due: the text does not say"]}
//
// Fields are in the order of the schema. Notes are the program's words, one for
// a field at most, and left out when there are none. Call is the id of the tool
// call: handles are made from it, so that a call that is repeated after a crash
// has the same ones, and the texts that were kept first stay. Its error is
// ErrKeep, or the context's.
func (r Result) Keep(ctx context.Context, k Keeper, call string) (json.RawMessage, error) {
	var values, notes []string
	for _, f := range r.fields {
		list := make([]string, 0, len(f.values))
		for i, v := range f.values {
			switch {
			case v.text != nil:
				h := handle(f.field.Name, i, call)
				if err := k.Keep(ctx, h, v.text()); err != nil {
					if ctx.Err() != nil {
						return nil, ctx.Err()
					}
					return nil, ErrKeep
				}
				list = append(list, quote(h))
			case v.json == "":
				list = append(list, "null")
			default:
				list = append(list, v.json)
			}
		}
		one := "null"
		if f.field.List && f.values != nil {
			one = "[" + strings.Join(list, ",") + "]"
		} else if len(list) > 0 {
			one = list[0]
		}
		values = append(values, quote(f.field.Name)+":"+one)
		if f.note != "" {
			notes = append(notes, quote(f.field.Name+": "+f.note))
		}
	}
	out := `{"values":{` + strings.Join(values, ",") + "}"
	if notes != nil {
		out += `,"notes":[` + strings.Join(notes, ",") + "]"
	}
	return json.RawMessage(out + "}"), nil
}

const handlePrefix = "text:"

// handle names the n'th string of a field of a call. Its 32 bits are to tell
// apart the calls of one conversation that ask for a field of the same name; a
// text is not secret by its handle.
func handle(field string, n int, call string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", call, field, n))
	return handlePrefix + field + ":" + strconv.Itoa(n) + ":" + hex.EncodeToString(sum[:4])
}

// IsHandle reports whether s has the form of a handle: text:<field>:<n>:<8 hex>.
func IsHandle(s string) bool {
	rest, ok := strings.CutPrefix(s, handlePrefix)
	field, rest, _ := strings.Cut(rest, ":")
	number, sum, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(number)
	return ok && isName(field) && err == nil && n >= 0 && n < MaxList && strconv.Itoa(n) == number &&
		len(sum) == 8 && strings.Trim(sum, "0123456789abcdef") == ""
}
