package label

import "strings"

// Mark is a label in the few words that stand beside a note, a job or a line of
// a log: its integrity, and "secret" where it is. Marks are joined by commas.
func (l Label) Mark() string {
	if l.Confidentiality >= Secret {
		return l.Integrity.String() + "," + Secret.String()
	}
	return l.Integrity.String()
}

// ParseMark reads one or several marks: of their integrities the lowest counts.
// What is not secret is private. One that is missing, broken off or says nothing
// of integrity is the worst.
func ParseMark(mark string) Label {
	l, known := Label{Integrity: System, Confidentiality: Private}, false
	for word := range strings.SplitSeq(mark, ",") {
		switch word {
		case Secret.String():
			l.Confidentiality = Secret
		case "":
			return Worst()
		default:
			l.Integrity, known = min(l.Integrity, ParseIntegrity(word)), true
		}
	}
	if !known {
		return Worst()
	}
	return l
}
