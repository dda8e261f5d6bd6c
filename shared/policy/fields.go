package policy

import (
	"maps"
	"slices"
	"strings"
)

// attest is the normal form of a text of the type.
func (t Type) attest(s string) (string, bool) {
	s = fold(s)
	if disguised(s) || len(s) > 300 {
		return "", false
	}
	switch t {
	case "id":
		return s, s != "" && len(s) <= 128 && !strings.ContainsAny(s, " \n")
	case Time:
		_, ok := parseWhen(s)
		return s, ok
	case Amount, "number":
		return decimal(s)
	case "bool":
		return s, s == "true" || s == "false"
	}
	return parseType(t, s)
}

// kindWords are the words that can say what a thing is.
func kindWords(words []string) (list []string) {
	for _, w := range words {
		switch w = singular(w); w {
		case "get", "list", "search", "find", "read", "show", "view", "fetch", "by", "id", "name", "all", "most", "recent", "day", "current", "update", "create",
			"add", "delete", "remove", "cancel", "send", "share", "append", "reschedule", "to", "of", "from", "in", "the", "new", "user", "my", "scheduled", "unread", "received", "sent", "draft", "mcp":
		default:
			list = append(list, w)
		}
	}
	return list
}

// nameKeys are the keys of a display name, the best first. Those before
// personKeys name a person or an organisation.
var nameKeys = [...]string{"name", "display_name", "full_name", "username", "title", "filename", "file_name", "subject", "label"}

const personKeys = 4

func (a *attester) nameRank(key string) int {
	if a.m.Fields != nil {
		if a.m.Fields[key].Type == Name {
			return max(0, slices.Index(nameKeys[:], key))
		}
		return len(nameKeys)
	}
	if i := slices.Index(nameKeys[:], strings.Trim(strings.ToLower(key), "_")); i >= 0 {
		return i
	}
	return len(nameKeys)
}

func (a *attester) isID(key string) bool {
	if a.m.Fields != nil {
		return a.m.Fields[key].Type == "id"
	}
	k := strings.Trim(strings.ToLower(key), "_")
	if k == "id" || k == "uuid" {
		return true
	}
	kind, ok := strings.CutSuffix(k, "_id")
	return ok && slices.Contains(a.kinds, kind)
}

// fields adds the attested values under a key, in lists and as keys of objects
// too.
func (a *attester) fields(r *Record, key string, v any, depth int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if depth < 3 {
				a.fields(r, key, e, depth+1)
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			a.field(r, key, k)
		}
	default:
		if s, ok := scalar(v); ok {
			a.field(r, key, s)
		}
	}
}

func (a *attester) field(r *Record, key, s string) {
	if len(r.Fields) >= 512 {
		return
	}
	for _, t := range a.types(key) {
		if value, ok := t.attest(s); ok {
			r.Fields = append(r.Fields, Attested{Name: strings.ToLower(key), Type: t, Value: value})
			return
		}
	}
}

// types are what the value of a key may be: the manifest's, or by the key's
// common name. Keys of free text have none, whatever their value looks like.
func (a *attester) types(key string) []Type {
	if a.m.Fields != nil {
		switch t := a.m.Fields[key].Type; t {
		case "", Name, "id":
			return nil
		default:
			return []Type{t}
		}
	}
	k := strings.Trim(strings.ToLower(key), "_")
	switch singular(k) {
	case "email", "e_mail", "email_address", "mail", "cc", "bcc", "participant", "attendee", "invitee", "member", "guest", "organizer", "organiser", "owner", "shared_with", "reply_to":
		return []Type{Email}
	case "sender", "recipient", "from", "to", "payee", "payer", "creditor", "debtor", "counterparty":
		return []Type{Email, AccountNumber, Phone}
	case "phone", "phone_number", "mobile", "tel":
		return []Type{Phone}
	case "iban", "account", "account_number", "account_id", "bank_account":
		return []Type{AccountNumber}
	case "amount", "price", "total", "balance", "cost", "fee", "rent", "sum", "amount_due":
		return []Type{Amount}
	case "date", "time", "start", "end", "timestamp", "due", "deadline", "day", "last_modified":
		return []Type{Time}
	}
	for _, suffix := range [...]string{"_time", "_date", "_at"} {
		if strings.HasSuffix(k, suffix) {
			return []Type{Time}
		}
	}
	return nil
}
