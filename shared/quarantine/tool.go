package quarantine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/tool"
)

// Source is where the text is: exactly one of the two is given.
type Source struct {
	URL string // as the model wrote it; the gate has let it be fetched
	Ref string // of a result that is kept elsewhere
}

// ToolName is the tool's name.
const ToolName = "read_as"

// Tool is read_as: values out of a page or a kept result.
//
// Open gets the text. It is called once a call, after the gate. It checks the
// address again, as any fetch does. Its error's text is not shown, because it
// may quote the page (a redirect, a content type): ErrSource is, where it wraps
// that, else a fixed text. What was read may be more private than
// label.Private: then Open joins label.New(label.Attested, label.Secret, ...)
// through c.Taint, which may be nil.
//
// The arguments are url or ref beside question and fields, not an object "from"
// around the two: the gate's roles and types are of whole arguments, and only a
// url that is one by its declared type is a Fetch however it is spelled. One
// that is found by its looks is not when it has a port, an IP address or a
// letter that is not ASCII in it.
func Tool(open func(ctx context.Context, c tool.Call, from Source) (text string, err error), r Reader, k Keeper) tool.Tool {
	return tool.Tool{
		Tool: model.Tool{
			Name: ToolName,
			Description: "Read typed values from a page or kept result without seeing its words, so that they cannot mislead you. " +
				"A string comes as a handle (text:...): pass it on as a whole argument of a tool, which gets the text.",
			Schema: json.RawMessage(`{"type":"object","properties":{"url":{"type":"string"},"ref":{"type":"string","description":"instead of url"},"question":{"type":"string"},` +
				`"fields":{"type":"object","description":"up to 16, by name","additionalProperties":{"type":"object","properties":{"type":{"type":"string","enum":["bool","enum","number","date","id","string"]},` +
				`"values":{"type":"array","items":{"type":"string"},"description":"of an enum"},"about":{"type":"string"},"list":{"type":"boolean"}},"required":["type"],"additionalProperties":false}}},` +
				`"required":["question","fields"],"additionalProperties":false}`),
		},
		Manifest:   manifest(),
		Idempotent: true, // the handles are those of the call
		Run: func(ctx context.Context, c tool.Call) (string, error) {
			from, question, schema, err := parseInput(c.Input)
			if err != nil {
				return "", err
			}
			text, err := open(ctx, c, from)
			switch {
			case ctx.Err() != nil:
				return "", ctx.Err()
			case errors.Is(err, ErrSource):
				return "", ErrSource
			case err != nil:
				return "", errors.New("it could not be opened: the address may be wrong, not allowed, or not answer now")
			}
			result, err := r.Read(ctx, text, schema, question)
			if err != nil {
				return "", err
			}
			shown, err := result.Keep(ctx, k, c.ID)
			return string(shown), err
		},
	}
}

func parseInput(raw json.RawMessage) (from Source, question string, s Schema, err error) {
	var in struct {
		URL      string          `json:"url"`
		Ref      string          `json:"ref"`
		Question string          `json:"question"`
		Fields   json.RawMessage `json:"fields"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		return from, "", s, errors.New("the input does not fit the schema: give url or ref, question and fields")
	}
	if _, err := d.Token(); err != io.EOF {
		return from, "", s, errors.New("the input is more than one object")
	}
	from = Source{URL: strings.TrimSpace(in.URL), Ref: strings.TrimSpace(in.Ref)}
	switch {
	case (from.URL == "") == (from.Ref == ""):
		return from, "", s, errors.New("give either url or ref")
	case len(in.Question) > MaxQuestion:
		return from, "", s, errors.New("question is longer than 1000 bytes")
	}
	s, err = ParseSchema(in.Fields)
	return from, in.Question, s, err
}

// manifest: reading a ref is a Read; a url makes it a Fetch, whose address the
// owner must have written. Question and fields are Flag because they do not
// leave with the request: the second model gets them, no page does.
//
// The result as a whole is attested: typed values that cannot be instructions,
// handles and the program's own words. But whoever wrote the page chose the
// values, so the fields that ground arguments are a short list, and no
// destination, no display name and no person is among them. With nil, policy
// would go by the common names of keys, which here are the model's: "email",
// "payee" and "name" of a hostile page would be the address of whom the owner
// named. What is left: in a result with an id, its amounts and times are those
// of the page of that id, where the owner wrote the id.
func manifest() *policy.Manifest {
	m := &policy.Manifest{
		Effect:          policy.Read,
		ArgRoles:        map[string]policy.ArgRole{"url": policy.Dest, "ref": policy.Selector, "question": policy.Flag, "fields": policy.Flag},
		ArgTypes:        map[string]string{"url": string(policy.URL)},
		OutputIntegrity: label.Attested, OutputConfidentiality: label.Private,
		Fields: map[string]policy.Field{},
		Kind:   "page",
	}
	for _, name := range attestedNames {
		m.Fields[name] = policy.Field{Type: map[Kind]policy.Type{ID: "id", Number: policy.Amount, Date: policy.Time}[attested(name)]}
	}
	return m
}

var attestedNames = [...]string{"id", "amount", "price", "total", "date", "time", "start", "end", "due"}

// attested is the type that the value of a field of this name must have, "" for
// any. The names are those of the manifest's fields: with another type the gate
// would find a value that does not fit and take the result for untrusted.
func attested(name string) Kind {
	switch name {
	case "id":
		return ID
	case "amount", "price", "total":
		return Number
	case "date", "time", "start", "end", "due":
		return Date
	}
	return ""
}
