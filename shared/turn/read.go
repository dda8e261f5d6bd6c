package turn

import (
	"context"
	"errors"

	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/quarantine"
	"instar/shared/tool"
	"instar/shared/transcript"
	"instar/shared/web"
)

// texts keeps what quarantined readers have read, for one conversation.
func (e *Engine) texts(session string) *quarantine.Texts {
	return &quarantine.Texts{Bucket: e.Bucket, Prefix: e.folder(session) + "texts/"}
}

// readAs is read_as: another model, which has no tools, reads a page or a kept
// result, and this one is told typed values only. Its calls are the turn's: it
// pays for them.
func (p *progress) readAs() tool.Tool {
	e, id := p.engine, p.who.session
	results := &transcript.Results{Bucket: e.Bucket, Prefix: e.folder(id) + "results/"}
	open := func(ctx context.Context, c tool.Call, from quarantine.Source) (string, error) {
		if from.URL != "" {
			if e.Web == nil {
				return "", quarantine.ErrSource
			}
			page, err := (&web.Fetcher{Do: e.Web, Now: e.Now}).Fetch(ctx, from.URL)
			return page.Text, err
		}
		text, total, err := results.Read(ctx, from.Ref, 0)
		for err == nil && len(text) < min(total, quarantine.MaxText) {
			var more string
			more, _, err = results.Read(ctx, from.Ref, len(text))
			text += more
		}
		if errors.Is(err, transcript.ErrRef) {
			return "", quarantine.ErrSource
		}
		// It may be the result of any tool.
		c.Taint(label.New(label.Attested, label.Secret, []string{"tool:" + quarantine.ToolName}, nil))
		return text, err
	}
	ask := func(ctx context.Context, r model.Request) (model.Reply, error) {
		return p.router.Stream(ctx, r, model.Sink{OnText: func(string) {}, OnReset: func() {}})
	}
	return quarantine.Tool(open, quarantine.Reader{Ask: ask}, e.texts(id))
}
