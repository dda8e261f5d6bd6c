//go:build !js

package fake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// tgField is one parameter of a method or field of a type. Types are the Bot
// API's own names: "Integer", "Array of String", "ReplyParameters".
type tgField struct {
	Required bool     `json:"required"`
	Types    []string `json:"types"`
}

// tgSpec is the reduced Bot API description.
type tgSpec struct {
	Methods map[string]struct {
		Fields  map[string]tgField `json:"fields"`
		Returns []string           `json:"returns"`
	} `json:"methods"`
	Types map[string]struct {
		Fields   map[string]tgField `json:"fields"`
		Subtypes []string           `json:"subtypes"`
	} `json:"types"`
}

// decodeJSON reads exactly one JSON value, keeping numbers as they were written.
func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("data after the JSON value")
	}
	return v, nil
}

// tgParams are the parameters of one call. In a form every value is text, in
// a JSON body values have types.
type tgParams struct {
	values map[string]any
	files  map[string]tgUpload // by the part's name
	typed  bool                // came as JSON
}

// readTgParams reads the parameters from the URL and the body, in any of the
// forms of https://core.telegram.org/bots/api#making-requests.
func readTgParams(r *http.Request) (tgParams, error) {
	p := tgParams{values: map[string]any{}, files: map[string]tgUpload{}}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return p, err
		}
		v, err := decodeJSON(body)
		if err != nil {
			return p, fmt.Errorf("can't parse JSON object: %w", err)
		}
		object, ok := v.(map[string]any)
		if !ok {
			return p, fmt.Errorf("can't parse JSON object: not an object")
		}
		p.values, p.typed = object, true
	case "multipart/form-data":
		body := bufio.NewReader(r.Body)
		if _, err := body.Peek(1); err == io.EOF {
			break // clients send calls without parameters so
		}
		r.Body = io.NopCloser(body)
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return p, fmt.Errorf("can't parse multipart body: %w", err)
		}
		for name, parts := range r.MultipartForm.File {
			upload, err := readPart(parts)
			if err != nil {
				return p, fmt.Errorf("can't read the file %q: %w", name, err)
			}
			p.files[name] = upload
		}
	case "application/x-www-form-urlencoded", "":
		if err := r.ParseForm(); err != nil {
			return p, fmt.Errorf("can't parse form: %w", err)
		}
	default:
		return p, fmt.Errorf("unsupported content type %q", kind)
	}
	if !p.typed && r.Form == nil {
		r.ParseForm() // the URL's parameters
	}
	for name, v := range r.Form {
		if len(v) > 1 {
			return p, fmt.Errorf("parameter %q is given %d times", name, len(v))
		}
		p.values[name] = v[0]
	}
	return p, nil
}

// checkCall validates the parameters of method and turns those that came as
// text into what they mean, so that values then holds decoded JSON.
func (s *tgSpec) checkCall(method string, p *tgParams) error {
	fields := s.Methods[method].Fields
	for _, name := range sortedKeys(p.values) {
		f, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown parameter %q", name)
		}
		v, err := s.parameter(f.Types, p.values[name], p)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", name, err)
		}
		p.values[name] = v
	}
	for _, name := range sortedKeys(fields) {
		_, given := p.values[name]
		_, uploaded := p.files[name]
		if uploaded && !hasType(fields[name].Types, "InputFile") {
			return fmt.Errorf("parameter %q is not a file", name)
		}
		if fields[name].Required && !given && !uploaded {
			return fmt.Errorf("parameter %q is required", name)
		}
	}
	for name := range p.files {
		if _, ok := fields[name]; !ok && !p.attached(name) {
			return fmt.Errorf("unknown file %q", name)
		}
	}
	return nil
}

// attached reports whether a parameter refers to an uploaded part as attach://name.
func (p *tgParams) attached(name string) bool {
	text, _ := json.Marshal(p.values)
	return bytes.Contains(text, []byte(`"attach://`+name+`"`))
}

// parameter validates one top-level value. Text stands for any type there: in
// forms always, and in JSON bodies for what the Bot API calls "JSON-serialized".
func (s *tgSpec) parameter(types []string, v any, p *tgParams) (any, error) {
	text, isText := v.(string)
	if !isText || hasType(types, "String") && !compound(types) {
		if isText && !p.typed && hasType(types, "Integer") {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return json.Number(strconv.FormatInt(n, 10)), nil
			}
		}
		return v, s.checkAny(types, v)
	}
	if !p.typed {
		if hasType(types, "Boolean") {
			switch text {
			case "true", "1":
				return true, nil
			case "false", "0":
				return false, nil
			}
			return nil, fmt.Errorf("%q is not a Boolean", text)
		}
		if hasType(types, "Integer") || hasType(types, "Float") {
			v = json.Number(text)
			return v, s.checkAny(types, v)
		}
	}
	if !compound(types) {
		return v, s.checkAny(types, v)
	}
	decoded, err := decodeJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("can't parse as %s: %w", strings.Join(types, " or "), err)
	}
	return decoded, s.checkAny(types, decoded)
}

// compound reports whether one of the types is an object or array, so that a
// form carries it as JSON.
func compound(types []string) bool {
	for _, t := range types {
		switch t {
		case "Integer", "Float", "String", "Boolean", "InputFile":
		default:
			return true
		}
	}
	return false
}

func hasType(types []string, name string) bool {
	for _, t := range types {
		if t == name {
			return true
		}
	}
	return false
}

// checkAny succeeds when v is of one of the types; of several reasons it
// reports the first.
func (s *tgSpec) checkAny(types []string, v any) error {
	var first error
	for _, t := range types {
		err := s.check(t, v)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// check validates v, decoded by decodeJSON, against one type.
func (s *tgSpec) check(typ string, v any) error {
	if element, ok := strings.CutPrefix(typ, "Array of "); ok {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("is not an %s", typ)
		}
		for i, e := range list {
			if err := s.check(element, e); err != nil {
				return fmt.Errorf("[%d] %w", i, err)
			}
		}
		return nil
	}
	switch typ {
	case "Integer":
		if n, ok := v.(json.Number); ok {
			if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
				return nil
			}
		}
		return fmt.Errorf("is not an Integer")
	case "Float":
		if n, ok := v.(json.Number); ok {
			if _, err := n.Float64(); err == nil {
				return nil
			}
		}
		return fmt.Errorf("is not a Float")
	case "String", "InputFile":
		if _, ok := v.(string); !ok {
			return fmt.Errorf("is not a String")
		}
		return nil
	case "Boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("is not a Boolean")
		}
		return nil
	}
	t, known := s.Types[typ]
	if !known {
		return fmt.Errorf("has the unknown type %s", typ)
	}
	if len(t.Subtypes) > 0 {
		if err := s.checkAny(t.Subtypes, v); err != nil {
			return fmt.Errorf("is no %s: %w", typ, err)
		}
		return nil
	}
	return s.checkObject(typ, t.Fields, v)
}

func (s *tgSpec) checkObject(typ string, fields map[string]tgField, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("is not a %s object", typ)
	}
	for _, name := range sortedKeys(object) {
		f, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s has no field %q", typ, name)
		}
		if err := s.checkAny(f.Types, object[name]); err != nil {
			return fmt.Errorf("%s.%s %w", typ, name, err)
		}
	}
	for _, name := range sortedKeys(fields) {
		if _, ok := object[name]; fields[name].Required && !ok {
			return fmt.Errorf("%s.%s is required", typ, name)
		}
	}
	return nil
}

// minimal makes a value of the type with nothing but what is required: what
// methods answer that the fake does not play out.
func (s *tgSpec) minimal(typ string) any {
	if strings.HasPrefix(typ, "Array of ") {
		return []any{}
	}
	switch typ {
	case "Integer", "Float":
		return 0
	case "String":
		return ""
	case "Boolean":
		return true
	}
	t := s.Types[typ]
	if len(t.Subtypes) > 0 {
		return s.minimal(t.Subtypes[0])
	}
	object := map[string]any{}
	for name, f := range t.Fields {
		if f.Required {
			object[name] = s.minimal(f.Types[0])
		}
	}
	return object
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
