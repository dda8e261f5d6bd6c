package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of the arguments of a call that is looked at. Beyond them it is
// refused.
const (
	MaxArgs  = 256 << 10 // bytes of JSON
	maxLeaf  = 512       // values
	maxDepth = 12
)

// leaf is one value of the arguments that has no parts.
type leaf struct {
	path   string // "attachments[0].file_id"
	arg    string // the argument it is part of
	key    string // the last name in the path
	raw    string // the text, or the JSON of another value
	folded string
	number bool
	flag   bool // true or false
	null   bool
}

// empty reports whether the value is as good as none.
func (l leaf) empty() bool {
	return l.null || l.flag && l.raw == "false" || !l.number && !l.flag && l.folded == ""
}

// parseArgs reads the arguments of a call. A name that comes twice in one
// object is an error: whoever reads the first would see another call than
// whoever reads the last.
func parseArgs(input []byte) (map[string][]leaf, []leaf, error) {
	args := map[string][]leaf{}
	if len(bytes.TrimSpace(input)) == 0 {
		return args, nil, nil
	}
	if len(input) > MaxArgs {
		return nil, nil, errors.New("they are too long")
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	p := parser{d: d}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("they are no JSON object")
	}
	if err := p.object("", "", 1); err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("something follows them")
	}
	for _, l := range p.leaves {
		args[l.arg] = append(args[l.arg], l)
	}
	for _, a := range p.names { // lists and objects that are empty
		if _, ok := args[a]; !ok {
			args[a] = nil
		}
	}
	return args, p.leaves, nil
}

type parser struct {
	d      *json.Decoder
	leaves []leaf
	names  []string
}

func (p *parser) object(path, arg string, depth int) error {
	seen := map[string]bool{}
	for p.d.More() {
		t, err := p.d.Token()
		if err != nil {
			return err
		}
		key := t.(string)
		if lowered := strings.ToLower(key); seen[lowered] {
			return fmt.Errorf("%q comes twice", key)
		} else {
			seen[lowered] = true
		}
		at, a := path+"."+key, arg
		if path == "" {
			at, a = key, key
			p.names = append(p.names, key)
		}
		if err := p.value(at, a, key, depth); err != nil {
			return err
		}
	}
	_, err := p.d.Token()
	return err
}

func (p *parser) value(path, arg, key string, depth int) error {
	if depth > maxDepth || len(p.leaves) >= maxLeaf {
		return errors.New("they have too many parts")
	}
	t, err := p.d.Token()
	if err != nil {
		return err
	}
	l := leaf{path: path, arg: arg, key: key}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return p.object(path, arg, depth+1)
		}
		for i := 0; p.d.More(); i++ {
			if err := p.value(fmt.Sprintf("%s[%d]", path, i), arg, key, depth+1); err != nil {
				return err
			}
		}
		_, err := p.d.Token()
		return err
	case string:
		l.raw = v
		l.folded = fold(v)
	case json.Number:
		l.raw, l.folded, l.number = v.String(), v.String(), true
	case bool:
		l.raw, l.flag = fmt.Sprint(v), true
		l.folded = l.raw
	case nil:
		l.null = true
	}
	p.leaves = append(p.leaves, l)
	return nil
}
