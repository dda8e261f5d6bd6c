//go:build e2e

package mutation

const (
	windowGo   = "shared/turn/window.go"
	approveGo  = "shared/turn/approve.go"
	compactGo  = "shared/turn/compact.go"
	loopGo     = "shared/turn/loop.go"
	callsGo    = "shared/turn/calls.go"
	finishGo   = "shared/turn/finish.go"
	arriveGo   = "shared/turn/arrive.go"
	taskGo     = "shared/turn/task.go"
	historyGo  = "shared/session/history.go"
	sessionGo  = "shared/session/session.go"
	toolGo     = "shared/tool/tool.go"
	writeGo    = "shared/tool/memory.go"
	searchGo   = "shared/tool/search.go"
	scheduleGo = "shared/tool/schedule.go"
	sandboxGo  = "shared/tool/sandbox.go"
	approvalGo = "shared/approval/approval.go"
	grantGo    = "shared/approval/grant.go"
	jobGo      = "shared/job/job.go"
	entryGo    = "shared/memory/entry.go"
	labelGo    = "shared/label/label.go"
	markGo     = "shared/label/mark.go"
)

var mutants = []mutant{
	// Whose words a message is.
	{"forwarded text counts as the owner's", change(windowGo, `if m.Forwarded || quoted ||`, `if quoted ||`), "shared/turn", "TestQuotedAndAttachedTextIsNotItsSendersOwn"},
	{"quoted text counts as the owner's", change(windowGo, `|| quoted ||`, `|| quoted && false ||`), "shared/turn", "TestQuotedAndAttachedTextIsNotItsSendersOwn"},
	{"the agent's own words, quoted, count as the owner's", change(windowGo, `m.ReplyTo.From != m.Sender.ID`, `m.ReplyTo.From != m.Sender.ID && !m.ReplyTo.Bot`), "shared/turn", "TestQuotedAndAttachedTextIsNotItsSendersOwn"},
	{"an attached file counts as the owner's text", change(windowGo, `|| len(m.Attachments) > 0 ||`, `||`), "shared/turn", "TestQuotedAndAttachedTextIsNotItsSendersOwn"},
	{"somebody else's text in a group counts as the owner's", change(windowGo, ` || m.Kind == chat.Group && !w.owner {`, ` {`), "shared/turn", "TestSomebodyElsesTextInAGroupIsNotTheOwners"},
	{"a job's text counts as the owner's whatever its label", change(windowGo, `label.New(min(made.Integrity, label.Owner), made`, `label.New(label.Owner, made`), "shared/turn", "TestAJobIsAsTrustedAsItsText"},
	{"a job's text counts as the program's where its label says so", change(windowGo, `label.New(min(made.Integrity, label.Owner), made`, `label.New(made.Integrity, made`), "shared/turn", "TestAJobIsAsTrustedAsItsText"},
	{"a job's text is not secret whatever its label", change(windowGo, `label.Owner), made.Confidentiality, `, `label.Owner), label.Private, `), "shared/turn", "TestAJobIsAsTrustedAsItsText"},
	{"a job's text of others is taken for the owner's word", change(windowGo, `(m.Job == nil || !labelOf(m, w).Tainted())`, `(m.Job == nil || true)`), "shared/turn", "TestAJobIsAsTrustedAsItsText"},
	{"forwarded text is taken for the owner's word", change(windowGo, `if !m.Forwarded && `, `if `), "shared/turn", "TestForwardedTextIsNoWordOfTheOwners"},
	{"everybody is the owner", change("shared/turn/admit.go", `|| e.Owners.Has(w.person)`, `|| w.person != ""`), "shared/turn", "TestAGuestNeverGetsTheOwnersFilesAndHasTheirOwn"},
	{"forwarded text that joins a running turn is taken for the owner's word", change(windowGo, "	if !m.Forwarded {\n", "	{\n"), "shared/turn", "TestForwardedTextIsNoWordOfTheOwners"},

	// What a turn begins with.
	{"a turn's own message is not in its window", change(windowGo, `l = label.Join(l, labelOf(m, w))`, `l = label.Join(l)`), "shared/turn", "TestQuotedAndAttachedTextIsNotItsSendersOwn"},
	{"a joined message does not taint", change(windowGo, `l = label.Join(l, labelOf(a.Message, w))`, `l = label.Join(l)`), "shared/turn", "TestAJoinedMessageTaintsTheTurnToo"},
	{"a steered message does not taint", change(windowGo, "p.window.Join(labelOf(m, p.who))\n", ""), "shared/turn", "TestWhatIsSaidMeanwhileTaintsToo"},
	{"what was said to a stopped turn does not taint", change(arriveGo, "return p.together(a.Message) }) {\n\t\tp.heard(a.Message)\n", "return p.together(a.Message) }) {\n"), "shared/turn", "TestWhatIsSaidMeanwhileTaintsToo"},
	{"the conversation before does not taint", change(windowGo, `l = label.Join(l, p.held.Head.Label())`, `l = label.Join(l)`), "shared/turn", "TestLabelsOnlyFallAndComeBackWithTheConversation"},
	{"the window's first label is nothing's", change(windowGo, `p.window = policy.NewWindow(l, said`, `p.window = policy.NewWindow(label.Join(), said`), "shared/turn", "TestLabelsOnlyFallAndComeBackWithTheConversation"},
	{"a set of tools without a window takes everything for the owner's", change(toolGo, `s.Window = policy.NewWindow(label.Worst(), nil)`, `s.Window = policy.NewWindow(label.Program(), nil)`), "shared/tool", "TestWithoutAWindowEverythingCountsAsAnybodys"},
	{"a job runs as if somebody were there", change(windowGo, `p.window, t.Message.Job != nil, p.ask`, `p.window, false, p.ask`), "shared/turn", "TestAJobSendsNothingWithoutTheOwner"},

	// What enters it meanwhile.
	{"tools' results do not taint", change(toolGo, "s.Window.Saw(t.Manifest, t.Name, []byte(text), c.Label)\n", ""), "shared/turn", "TestAGrantAllowsOneToolOneDestinationUntilItIsRevoked"},
	{"a failure's text does not taint", change(toolGo, "s.Window.Saw(t.Manifest, t.Name, []byte(text), c.Label)\n", "if err == nil {\n\t\ts.Window.Saw(t.Manifest, t.Name, []byte(text), c.Label)\n\t}\n"), "shared/tool", "TestWhateverAToolAnswersTaints"},
	{"a failure that reads like a refusal is taken for one", change(toolGo, `state, text = "failed", strings.TrimPrefix(strings.TrimPrefix(err.Error(), refused), asked)`, `state, text = "failed", strings.TrimPrefix(err.Error(), refused)`), "shared/tool", "TestWhateverAToolAnswersTaints"},
	{"a tool cannot say what its result holds", change(toolGo, `c.Label, c.Taint = c.window(s.Window).Label(), s.Window.Join`, `c.Label = c.window(s.Window).Label()`), "shared/turn", "TestAPlantedNoteStaysAStrangersText"},
	{"a tool is told that the window is the owner's", change(toolGo, `c.Label, c.Taint = c.window(s.Window).Label(), s.Window.Join`, `c.Label, c.Taint = label.New(label.Owner, label.Private, nil, nil), s.Window.Join`), "shared/turn", "TestAPlantedNoteStaysAStrangersText"},
	{"a list of jobs does not taint", change(scheduleGo, "c.taint(label.New(min(made", "_ = (label.New(min(made"), "shared/turn", "TestAListOfJobsIsWhoseTextsAreInIt"},
	{"a hit in the files does not taint", change(searchGo, "			l.Integrity = label.Untrusted\n", "			_ = label.Untrusted\n"), "shared/tool", "TestWhatIsFoundTaintsAsItWasKept"},
	{"a hit in the files is not secret", change(searchGo, "			l.Confidentiality = label.Secret\n", "			_ = label.Secret\n"), "shared/tool", "TestWhatIsFoundTaintsAsItWasKept"},
	{"something secret that is loaded does not make the turn so", change(windowGo, `if p.secret {`, `if p.secret && false {`), "shared/turn", "TestANoteOfSomethingSecretIsSecretInLaterTurns"},
	{"nobody says that something secret is loaded", change("shared/memory/core.go", "			c.Secret = c.Secret || b.Secret()\n", ""), "shared/memory", "TestWhatIsSecretStaysSecretAndIsSaidToBeLoaded"},
	{"a hit in the conversation's log does not taint", change(searchGo, `taint(label.New(l.Integrity, l.Confidentiality, []string{"conversation"}, nil))`, `taint(label.New(label.Owner, l.Confidentiality, []string{"conversation"}, nil))`), "shared/tool", "TestWhatIsFoundTaintsAsItWasKept"},
	{"a hit in the conversation's log is not secret", change(searchGo, `taint(label.New(l.Integrity, l.Confidentiality, []string{"conversation"}, nil))`, `taint(label.New(l.Integrity, label.Private, []string{"conversation"}, nil))`), "shared/tool", "TestWhatIsFoundTaintsAsItWasKept"},
	{"a kept result that is read on does not taint", change(searchGo, "c.taint(label.Worst()) // of whatever tool it is\n", ""), "shared/tool", "TestWhatIsReadOnCountsAsAnybodys"},
	{"a page counts as the owner's text", change("shared/web/tool.go", `OutputIntegrity: label.Untrusted,`, `OutputIntegrity: label.Owner,`), "shared/turn", "TestAPageIsAStrangersText"},
	{"a page in a browser counts as the owner's text", change("shared/tool/browser.go", `OutputIntegrity: label.Untrusted,`, `OutputIntegrity: label.Owner,`), "shared/turn", "TestAPageInABrowserIsAStrangersText"},
	{"a browser leaves the workspace the owner's", change("shared/tool/browser.go", `b.Sandbox.taint(ctx, c, true)`, `b.Sandbox.taint(ctx, c, false)`), "shared/tool", "TestAPageIsShownWithWhatCanBeDoneOnIt"},
	{"a click on a page is no more than looking at it", change("shared/tool/browser.go", `EffectIf: map[string]policy.Effect{"element": policy.Send, "text": policy.Send, "enter": policy.Send},`, ``), "shared/tool", "TestTheGateOnABrowser"},
	{"values that were read out of a page count as the owner's", change("shared/quarantine/tool.go", `OutputIntegrity: label.Attested,`, `OutputIntegrity: label.Owner,`), "shared/quarantine", "TestReadingLeavesTheWindowAttested"},
	{"a page chooses the names of what grounds", change("shared/quarantine/tool.go", "		m.Fields[name] = ", "		m.Fields = nil\n		_ = "), "shared/quarantine", "TestAPageVouchesForNoDestination"},
	{"values that were read out of a kept result are not secret", change("shared/turn/read.go", "		c.Taint(label.New(label.Attested, label.Secret, []string{\"tool:\" + quarantine.ToolName}, nil))\n", "		_ = label.Attested\n"), "shared/turn", "TestWhatIsReadOutOfAKeptResultMayBeSecret"},
	{"the text behind a handle is judged as the model's", change(toolGo, "	if c.Unseen {\n		return w.With(", "	if c.Unseen && false {\n		return w.With("), "shared/turn", "TestTextBehindAHandleIsAStrangersText"},
	{"a call does not say that there was a handle in it", change(callsGo, `Message: t.Message, Unseen: used, `, `Message: t.Message, Unseen: used && false, `), "shared/turn", "TestTextBehindAHandleIsAStrangersText"},
	{"a refusal shows the model the text behind a handle", change(toolGo, "	if c.Unseen {\n		return \"it holds", "	if c.Unseen && false {\n		return \"it holds"), "shared/turn", "TestTextBehindAHandleIsAStrangersText"},
	{"a question forgets that there was a handle in its call", change(approveGo, `Why: v.Reason, Unseen: c.Unseen}`, `Why: v.Reason}`), "shared/turn", "TestAJobOfTextBehindAHandleIsAStrangers"},
	{"an approved call forgets that there was a handle in it", change(approveGo, `Message: p.held.Turn.Message, Unseen: item.Unseen, `, `Message: p.held.Turn.Message, `), "shared/turn", "TestAJobOfTextBehindAHandleIsAStrangers"},

	// What is kept of a turn.
	{"a turn's end keeps only its message's label", change(finishGo, `t.State, t.Reply, t.Ended, t.Label = end.state, end.reply, p.engine.Now(), p.label()`, `t.State, t.Reply, t.Ended, t.Label = end.state, end.reply, p.engine.Now(), labelOf(t.Message, p.who)`), "shared/turn", "TestAPlantedNoteStaysAStrangersText"},
	{"a turn's end keeps no label", change(finishGo, `t.State, t.Reply, t.Ended, t.Label = end.state, end.reply, p.engine.Now(), p.label()`, `t.State, t.Reply, t.Ended = end.state, end.reply, p.engine.Now()`), "shared/turn", "TestLabelsOnlyFallAndComeBackWithTheConversation"},
	{"a turn's label is not stored", change(sessionGo, "Label label.Label `json:\"label\"`           // of the window", "Label label.Label `json:\"-\"` // of the window"), "shared/session", "TestATurnIsAsTrustedInTheHistoryAsItWas"},
	{"a step's label is not stored", change(sessionGo, "	Label label.Label `json:\"label\"`\n	model.Message", "	Label label.Label `json:\"-\"`\n	model.Message"), "shared/session", "TestATurnIsAsTrustedInTheHistoryAsItWas"},
	{"results' steps keep only the message's label", change(callsGo, "results = append(results, p.runTool(ctx, calls, i).ToolResult)\n	}\n	return p.update(ctx, func(t *session.Turn) {\n		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message:", "results = append(results, p.runTool(ctx, calls, i).ToolResult)\n	}\n	return p.update(ctx, func(t *session.Turn) {\n		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: labelOf(t.Message, p.who), Message:"), "shared/turn", "TestAResumedTurnKnowsWhatWasLookedUp"},
	{"the steps of repeated calls keep only the message's label", change(callsGo, `Label: p.label(), Unknown: true`, `Label: labelOf(t.Message, p.who), Unknown: true`), "shared/turn", "TestAResumedTurnKnowsWhatWasLookedUp"},
	{"the model's steps keep only the message's label", change(loopGo, `step := &session.Step{At: e.Now(), Label: p.label(),`, `step := &session.Step{At: e.Now(), Label: labelOf(t.Message, p.who),`), "shared/turn", "TestAResumedTurnKnowsWhatWasWrittenByIt"},
	{"the steps of approved calls keep only the message's label", change(approveGo, `session.Step{At: p.engine.Now(), Label: p.label(),`, `session.Step{At: p.engine.Now(), Label: labelOf(t.Message, p.who),`), "shared/turn", "TestWhatAnApprovedCallAnsweredTaintsAfterACrashToo"},
	{"a steered message is forgotten by a crash: its step's label, and the turn's list of those that it took",
		change(arriveGo, "p.heard(a.Message)\n		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.User, Text: UserText(a.Message)}})\n	}\n}", "p.heard(a.Message)\n		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: labelOf(t.Message, p.who), Message: model.Message{Role: model.User, Text: UserText(a.Message)}})\n	}\n}",
			edit{windowGo, `if a.Taken == session.Joined || a.Taken == session.Steered {`, `if a.Taken == session.Joined {`}), "shared/turn", "TestWhatIsSaidMeanwhileTaintsToo"},
	{"a resumed turn does not retrace its steps", change(windowGo, "	p.retrace(t)\n", ""), "shared/turn", "TestAResumedTurnsGateKnowsWhatWasRead|TestAResumedTurnKnowsWhatWasLookedUp"},
	{"a resumed turn does not read its steps' labels", change(windowGo, "p.window.Join(s.Label)\n", ""), "shared/turn", "TestAResumedTurnKnowsWhatWasLookedUp"},
	{"a resumed turn does not read its results", change(windowGo, "p.window.Saw(from.Manifest, from.Name, []byte(r.Text), asked.Label)\n", "_ = from\n"), "shared/turn", "TestAResumedTurnsGateKnowsWhatWasRead"},
	{"what a resumed turn has written counts as the owner's", change(windowGo, `[]byte(r.Text), asked.Label)`, `[]byte(r.Text), label.Program())`), "shared/turn", "TestAResumedTurnKnowsWhatWasWrittenByIt"},

	// What is kept of a conversation.
	{"a turn's label is lost when it is folded", change(historyGo, `Messages: messages, Label: t.Label,`, `Messages: messages, Label: label.Program(),`), "shared/session", "TestATurnIsAsTrustedInTheHistoryAsItWas"},
	{"the history's labels are not stored", change(sessionGo, "Label    label.Label     `json:\"label\"` // of all of it", "Label    label.Label     `json:\"-\"` // of all of it"), "shared/session", "TestATurnIsAsTrustedInTheHistoryAsItWas"},
	{"the history does not taint", change(historyGo, "	for _, past := range h.History {\n		l = label.Join(l, past.Label)\n", "	for _, past := range h.History {\n		l = label.Join(l)\n		_ = past\n"), "shared/session", "TestATurnIsAsTrustedInTheHistoryAsItWas"},
	{"a summary does not taint", change(historyGo, "	l := h.summaryLabel()\n	for", "	l := label.Program()\n	for"), "shared/session", "TestASummaryIsAsTrustedAsTheLeastOfWhatItStandsFor"},
	{"a summary does not have the label of its turns", change(historyGo, "h.SummaryLabel = label.Join(h.SummaryLabel, past.Label)\n", "h.SummaryLabel = label.Join(h.SummaryLabel)\n"), "shared/session", "TestASummaryIsAsTrustedAsTheLeastOfWhatItStandsFor"},
	{"a summary does not have the label of the one before", change(historyGo, "		h.SummaryLabel = h.summaryLabel()\n", "		h.SummaryLabel = label.Program()\n"), "shared/session", "TestASummaryIsAsTrustedAsTheLeastOfWhatItStandsFor"},
	{"a summary's label is not stored", change(sessionGo, "`json:\"summary_label\"`", "`json:\"-\"`"), "shared/session", "TestASummaryOfTheOwnersWordsIsTheOwners"},
	{"a history that is cut loses its turns' labels", change(historyGo, `label.Join(h.summaryLabel(), past.Label)`, `label.Join(h.summaryLabel())`), "shared/session", "TestAHistoryThatIsCutIsAsTrustedAsBefore"},
	{"a history that is cut loses its summary's label", change(historyGo, `label.Join(h.summaryLabel(), past.Label)`, `label.Join(past.Label)`), "shared/session", "TestAHistoryThatIsCutIsAsTrustedAsBefore"},
	{"what the owner passed on stands among their own words beside a summary", change(windowGo, `return own(t.Message) && !slices`, `return !slices`), "shared/turn", "TestOnlyTheOwnersWordsStandBesideTheirSummary"},
	{"what the owner passed on and was joined stands among their own words beside a summary", change(windowGo, `a.Taken == session.Joined && !own(a.Message)`, `a.Taken == session.Joined && a.Message == nil`), "shared/turn", "TestOnlyTheOwnersWordsStandBesideTheirSummary"},
	{"what nobody says is the owner's own stands among their words beside a summary", change(historyGo, `if past.Own && len(past.Messages) > 0 {`, `if len(past.Messages) > 0 {`), "shared/turn", "TestOnlyTheOwnersWordsStandBesideTheirSummary"},
	{"a compaction's notes do not have the label of its turns", change(compactGo, "	for _, past := range old {\n		l = label.Join(l, past.Label)\n", "	for _, past := range old {\n		l = label.Join(l)\n		_ = past\n"), "shared/turn", "TestACompactionsNotesAreAsTrustedAsTheConversation"},
	{"a compaction's notes do not have the label of the summary before", change(compactGo, `l = head.SummaryLabel`, `l = label.Program()`), "shared/turn", "TestACompactionsNotesAreAsTrustedAsTheConversation"},
	{"a compaction writes in a window of nothing", change(compactGo, `policy.NewWindow(compacted(head, old), nil)`, `policy.NewWindow(label.Program(), nil)`), "shared/turn", "TestACompactionsNotesAreAsTrustedAsTheConversation"},
	{"the log keeps everything as the owner's", change(compactGo, `Label: past.Label.Mark()})`, `Label: "owner"})`), "shared/turn", "TestTheLogKeepsWhoseTextItIs"},
	{"the log does not keep what is secret", change(compactGo, `Label: past.Label.Mark()})`, `Label: past.Label.Integrity.String()})`), "shared/turn", "TestTheLogKeepsWhoseTextItIs"},
	{"the log keeps no label", change(compactGo, `Text: text, Label: past.Label.Mark()})`, `Text: text})`), "shared/turn", "TestTheLogKeepsWhoseTextItIs"},
	{"the log does not store labels", change("shared/transcript/log.go", "`json:\"label,omitempty\"`", "`json:\"-\"`"), "shared/turn", "TestTheLogKeepsWhoseTextItIs"},
	{"the log loses the label of turns that are shown no more", change(compactGo, `Messages: t.Messages(t.Said(UserText)), Label: t.Label}`, `Messages: t.Messages(t.Said(UserText)), Label: label.Program()}`), "shared/turn", "TestTheLogKeepsWhoseTextItIs"},

	// What is kept in the owner's files.
	{"memory_write keeps everything as the owner's", change(writeGo, `Label: c.Label.Mark()}`, `Label: "owner"}`), "shared/tool", "TestWhatIsWrittenIsAsTrustedAsItsTurn"},
	{"memory_write does not keep what is secret", change(writeGo, `Label: c.Label.Mark()}`, `Label: c.Label.Integrity.String()}`), "shared/tool", "TestWhatIsWrittenIsAsTrustedAsItsTurn"},
	{"memory_write keeps no label", change(writeGo, `Origin: c.Message.Person(), Label: c.Label.Mark()}`, `Origin: c.Message.Person()}`), "shared/tool", "TestWhatIsWrittenIsAsTrustedAsItsTurn"},
	{"text of others replaces the owner's notes", change(writeGo, `if in.Replaces != "" && c.Label.Tainted() {`, `if in.Replaces != "" && c.Label.Tainted() && false {`), "shared/tool", "TestTextOfOthersReplacesNothing"},
	{"notes of others are loaded by themselves", change("shared/memory/core.go", `if !b.Trusted() {`, `if !b.Trusted() && false {`), "shared/memory", "TestOnlyWhatTheOwnerVouchesForIsLoaded"},
	{"a note that the agent wrote without a label is the owner's", change(entryGo, `return s.ID == ""`, `return true`), "shared/memory", "TestOnlyWhatTheOwnerVouchesForIsLoaded"},
	{"an attested note is the owner's", change(entryGo, `Integrity >= label.Owner`, `Integrity >= label.Attested`), "shared/memory", "TestOnlyWhatTheOwnerVouchesForIsLoaded"},
	{"a note that the agent wrote without a label is not secret", change(entryGo, `return s.ID != ""`, `return false`), "shared/memory", "TestANoteWithoutALabelIsTheWorst"},
	{"what the owner vouches for is not secret any more", change("shared/memory/review.go", `if how == Promoted && old.Secret() {`, `if how == Promoted && false {`), "shared/memory", "TestWhatIsSecretStaysSecretAndIsSaidToBeLoaded"},
	{"a correction makes a stranger's words the owner's", change("shared/memory/write.go", "		merged.Label = strings.Join(union(old.Label, by.Label), \",\")\n", ""), "shared/memory", "TestACorrectionKeepsTheLabelOfTheWordsThatStay"},
	{"a text can write itself a source", change("shared/memory/format.go", `return 2*backslashes + 1 })`, `return backslashes })`), "shared/memory", "TestTextCannotForgeASource"},
	{"the file does not keep a note's label", change("shared/memory/format.go", "	field(\"label\", e.Label)\n", ""), "shared/tool", "TestWhatIsWrittenIsAsTrustedAsItsTurn"},
	{"a note's label is not read", change(entryGo, "b.Label = value\n", "_ = value\n"), "shared/memory", "TestOnlyWhatTheOwnerVouchesForIsLoaded"},
	{"anybody vouches for a note", change("shared/memory/review.go", "	if label.ParseMark(s.Label).Integrity < label.Owner {\n		return ErrOwner\n	}\n", ""), "shared/memory", "TestOnlyTheOwnerReviews"},
	{"what is vouched for is not what was looked at", change("shared/memory/review.go", `b.ID, b.Origin, b.Label, b.Text}`, `b.ID, b.Origin}`), "shared/memory", "TestAnActionPinsWhatWasLookedAt"},

	{"memory_trust does not ask", change("shared/tool/trust.go", `m.Setting = policy.Ask`, `m.Setting = policy.Allow`), "shared/turn", "TestTheModelCannotVouchForANote"},

	// Jobs.
	{"a job is made with the owner's label", change(scheduleGo, `Label: c.Label.Mark(),`, `Label: "owner",`), "shared/turn", "TestAJobThatTheOwnerAgreedToKeepsItsLabel"},
	{"a job does not keep what is secret", change(scheduleGo, `Label: c.Label.Mark(),`, `Label: c.Label.Integrity.String(),`), "shared/turn", "TestAJobOfSomethingSecretIsSecret"},
	{"a job fires with the owner's label", change(jobGo, `Attempt: attempt, Label: j.Label}`, `Attempt: attempt, Label: "owner"}`), "shared/job", "TestAJobFiresWithTheLabelItWasMadeWith"},
	{"a job's label is not stored", change(jobGo, "j.To, j.Created, j.By, j.Label, j.Failures", `j.To, j.Created, j.By, "", j.Failures`), "shared/job", "TestAJobFiresWithTheLabelItWasMadeWith"},
	{"a job's label is not read", change(jobGo, "r.To, r.Created, r.By, r.Label, r.Failures", `r.To, r.Created, r.By, "owner", r.Failures`), "shared/job", "TestAJobFiresWithTheLabelItWasMadeWith"},

	// Tasks of the sandbox.
	{"what a task wrote counts as what it was started with", change("shared/task/report.go", `made.Integrity = min(made.Integrity, label.Untrusted)`, `made.Integrity = min(made.Integrity, label.System)`), "shared/task", "TestWhatACommandWroteIsAnybodys"},
	{"a task's message counts as its label says", change(windowGo, `label.ParseMark(m.Task.Label).AtMost(label.Untrusted)`, `label.ParseMark(m.Task.Label)`), "shared/turn", "TestWhatATaskTellsIsAnybodysText"},
	{"a task's output is taken for the owner's word", change(windowGo, `!m.Forwarded && m.Task == nil && `, `!m.Forwarded && `), "shared/turn", "TestWhatATaskTellsIsAnybodysText"},
	{"a task does not know the turn that started it", change(approveGo, `(m.Approval != "" || m.Task != nil)`, `m.Approval != ""`), "shared/turn", "TestATaskGoesOnWithTheTurnThatStartedIt"},
	{"a task's message stands among the owner's own words beside a summary: that it is a task, and its label",
		change(windowGo, `m.Job == nil && m.Task == nil && !labelOf`, `m.Job == nil && !labelOf`, edit{windowGo, `label.ParseMark(m.Task.Label).AtMost(label.Untrusted)`, `label.ParseMark(m.Task.Label)`}), "shared/turn", "TestATasksMessageIsNotAmongTheOwnersWords"},
	{"a task does not keep what is secret", change(taskGo, `Label: c.Label.Mark(), Started`, `Label: c.Label.Integrity.String(), Started`), "shared/turn", "TestATaskOfSomethingSecretIsSecret"},
	{"a workspace forgets whose text is in it", change(taskGo, `is := label.Join(was, label.New(l.Integrity, max(l.Confidentiality, label.Private), nil, nil))`, `is := label.Join(was)`), "shared/turn", "TestTheWorkspaceRemembersWhoseTextIsInIt"},
	{"a workspace's label is not read again", change(taskGo, `was = label.ParseMark(string(o.Data))`, `_ = label.ParseMark(string(o.Data))`), "shared/turn", "TestTheWorkspaceRemembersWhoseTextIsInIt"},
	{"what comes out of a workspace does not taint", change(sandboxGo, "	c.taint(label.New(is.Integrity, is.Confidentiality, []string{\"sandbox\"}, nil))\n", "	_ = is\n"), "shared/turn", "TestTheWorkspaceRemembersWhoseTextIsInIt"},
	{"a command with a network brings in the owner's text", change(sandboxGo, "		l = l.AtMost(label.Untrusted)\n", "		_ = label.Untrusted\n"), "shared/turn", "TestTheWorkspaceRemembersWhoseTextIsInIt"},

	// Questions to the owner, and answers.
	{"a guest's answer counts", change(approveGo, "	if !p.who.owner {\n		return say(\"Only the owner can answer that.\")\n	}\n", ""), "shared/turn", "TestOnlyTheOwnersRightAnswerInTimeCounts"},
	{"a guest is asked", change(approveGo, "	if !p.who.owner {\n		return \"\", errors.New(\"only the owner is asked\")\n	}\n", ""), "shared/turn", "TestAGuestIsNotAsked"},
	{"a forwarded answer counts", change("shared/chat/chat.go", "	if m.Forwarded {\n", "	if m.Forwarded && false {\n"), "shared/turn", "TestOnlyTheOwnersRightAnswerInTimeCounts"},
	{"an answer's code is not checked", change(approveGo, `if err == nil && !strings.EqualFold(r.Nonce[:len(nonce)], nonce) {`, `if err == nil && nonce == "" {`), "shared/turn", "TestOnlyTheOwnersRightAnswerInTimeCounts"},
	{"an answer's nonce is not checked", change(approvalGo, `subtle.ConstantTimeCompare([]byte(r.Nonce), []byte(nonceGiven)) != 1`, `subtle.ConstantTimeCompare([]byte(r.Nonce), []byte(nonceGiven)) > 1`), "shared/approval", "TestOnlyTheRightNonceAnswersAndOnlyOnce"},
	{"a second answer counts", change(approvalGo, `case r.State != Asked && r.State != Once:`, `case r.State == "":`), "shared/approval", "TestOnlyTheRightNonceAnswersAndOnlyOnce"},
	{"an answer counts that comes too late", change(approvalGo, "		case r.Lapsed(s.Now()):\n			return ErrLapsed\n		}\n		r.Person", "		}\n		r.Person"), "shared/approval", "TestAQuestionAndItsAnswerLapseAfterHalfAnHour"},
	{"one answer is enough for something secret", change(approvalGo, `case r.Twice && r.State == Asked:`, `case r.Twice && r.State == Denied:`), "shared/approval", "TestWhatTakesTwoAnswersIsNotApprovedByOneTapTwice"},
	{"one tap is two answers", change(approvalGo, `r.State, r.Nonce = Once, nonce()`, `r.State = Once`), "shared/approval", "TestWhatTakesTwoAnswersIsNotApprovedByOneTapTwice"},
	{"the gate's wish for two answers is not passed on", change(approveGo, `Twice: v.Outcome == policy.AskTwice,`, `Twice: false,`), "shared/turn", "TestSomethingSecretTakesTwoAnswers"},
	{"what was not approved is done", change(approvalGo, `case r.State != Approved || i < r.Begun:`, `case i < r.Begun:`), "shared/approval", "TestAnApprovalIsUsedOnceForExactlyWhatWasApproved"},
	{"an approval is used twice", change(approvalGo, "		r.Begun = i + 1\n", ""), "shared/approval", "TestAnApprovalIsUsedOnceForExactlyWhatWasApproved"},
	{"an approved call runs without using its approval up", change(approveGo, `p.engine.approvals().Use(ctx, r.ID, p.held.Turn.Session, i)`, `p.engine.approvals().Get(ctx, r.ID)`), "shared/turn", "TestWhatWasApprovedIsDoneAtMostOnceWhateverCrashes"},
	{"an approval is used for another session", change(approvalGo, `case r.Session != session || r.Hash != r.hash()`, `case r.Hash != r.hash()`), "shared/approval", "TestAnApprovalIsUsedOnceForExactlyWhatWasApproved"},
	{"an approval is used for something that was changed", change(approvalGo, `case r.Session != session || r.Hash != r.hash()`, `case r.Session != session`), "shared/approval", "TestAQuestionThatWasChangedIsNotUsed"},
	{"an approval is used too late", change(approvalGo, "		case r.Lapsed(s.Now()):\n			return ErrLapsed\n		}\n		r.Begun", "		}\n		r.Begun"), "shared/approval", "TestAQuestionAndItsAnswerLapseAfterHalfAnHour"},
	{"a call is added to a question that was answered", change(approvalGo, ` || r.State != Asked || r.Twice || like.Twice`, ` || r.Twice || like.Twice`), "shared/approval", "TestCallsOfOneToolInARowAreOneQuestion"},
	{"a call of another tool is added to a question", change(approvalGo, ` || r.Tool != like.Tool`, ``), "shared/approval", "TestCallsOfOneToolInARowAreOneQuestion"},
	{"a turn's questions are not recorded in it", change(loopGo, "t.Files, t.Cards = slices.Clip(p.files), slices.Clip(p.cards)", "t.Files = slices.Clip(p.files)"), "shared/turn", "TestAQuestionIsPutWhateverCrashes"},
	{"a turn's files are not recorded in it", change(loopGo, "t.Files, t.Cards = slices.Clip(p.files), slices.Clip(p.cards)", "t.Cards = slices.Clip(p.cards)"), "shared/turn", "TestAFileComesWithTheAnswer"},
	{"a dead holder's files are forgotten", change(loopGo, "	p.files = h.Turn.Files\n", ""), "shared/turn", "TestEveryCrashPointLeavesTheFileWithOneAnswer"},
	{"a question is not put when its turn crashed", change(windowGo, "	p.cards = t.Cards\n", ""), "shared/turn", "TestAQuestionIsPutWhateverCrashes"},
	{"a silent run does not put its questions", change(finishGo, "		end.quiet = false\n", ""), "shared/turn", "TestAQuestionIsPutByAHeartbeatThatIsSilent"},
	{"an approved turn does not know what the turn that asked has read", change(windowGo, "		p.retrace(asked)\n", "		_ = asked\n"), "shared/turn", "TestAnApprovedTurnIsAsTrustedAsTheOneThatAsked"},
	{"an approved turn does not know what the owner said in the turn that asked", change(windowGo, "		heard(asked.Message, asked.Arrived)\n", "		_ = asked\n"), "shared/turn", "TestATurnGoesOnWhereItWaited"},
	{"a yes is taken for always", change(approvalGo, `r.State, r.Always = Approved, answer == Always && len(r.Grant) > 0`, `r.State, r.Always = Approved, len(r.Grant) > 0`), "shared/turn", "TestYesIsNotAlways"},
	{"a grant for another destination counts", change(toolGo, "		return v // so the owner is asked\n	}\n", "		return v // so the owner is asked\n	}\n	if len(in.Granted) > 0 {\n		in.Granted = v.Destinations\n	}\n"), "shared/turn", "TestAGrantAllowsOneToolOneDestinationUntilItIsRevoked"},
	{"a grant for another tool counts", change(grantGo, `if g.Tool == tool {`, `if g.Tool != "" {`), "shared/turn", "TestAGrantIsForItsToolAlone"},
	{"a grant that was taken back counts", change(grantGo, "		g.List = slices.Delete(g.List, i, i+1)\n", ""), "shared/turn", "TestAGrantAllowsOneToolOneDestinationUntilItIsRevoked"},

	// Secrets on their way out.
	{"a tool is given secrets", change(callsGo, `len(found) > 0 {`, `len(found) > len(c.Input) {`), "shared/turn", "TestASecretLeavesByNoTool"},
	{"a card shows a secret: the guard before a tool, and that of the card", change(callsGo, `len(found) > 0 {`, `len(found) > len(c.Input) {`, edit{approveGo, `p.engine.Guard.Redact(a.Value)`, `a.Value`}), "shared/turn", "TestNoCardShowsASecret"},
	{"what the model writes is recorded with its secrets", change(loopGo, "		reply.Text = e.Guard.Redact(reply.Text)\n", ""), "shared/turn", "TestASecretIsNotSaid"},
	{"what the model writes is shown with its secrets", change(finishGo, `p.write(p.stream.Write(delta))`, `p.write(delta)`), "shared/turn", "TestASecretIsNotSaid"},
	{"a reply that no model wrote tells secrets", change(finishGo, "	end.reply = p.engine.Guard.Redact(end.reply)\n", ""), "shared/turn", "TestAReminderTellsNoSecret"},

	// The audit log.
	{"the gate's decisions are not audited", change(callsGo, "	p.audit(audit.Event{Kind: audit.Decision, Tool: c.Name, Outcome: decision(out.State)})\n", "	_ = audit.Decision\n	_ = decision\n"), "shared/turn", "TestDecisionsQuestionsAnswersAndSendsAreAudited"},
	{"answers are not audited", change(approveGo, "	p.auditAnswer(r, err)\n", ""), "shared/turn", "TestDecisionsQuestionsAnswersAndSendsAreAudited"},
	{"what is to be audited is not recorded in the turn", change(loopGo, `t.Audit, p.entries = append(t.Audit, p.entries...), nil`, `p.entries = nil`), "shared/turn", "TestDecisionsQuestionsAnswersAndSendsAreAudited"},
	{"a changed audit entry is not found", change("shared/audit/line.go", `ok = s.mac(kind, body, []byte("}")) == mac`, `ok = s.mac(kind, body, []byte("}")) != ""`), "shared/audit", "TestVerifyFindsEveryKindOfTampering"},
	{"an audit entry need not follow the one before", change("shared/audit/verify.go", `case r.Seq != want || r.Prev != v.report.Head.MAC:`, `case r.Seq != want:`), "shared/audit", "TestTwoEndsOfALogDoNotFitTogether"},
	{"an audit segment need not follow the one before: its opening's two links, and its first entry's",
		change("shared/audit/verify.go", `case o.First != v.report.Entries+1 || o.Prev != v.report.Head.MAC,`, `case o.First != v.report.Entries+1,`,
			edit{"shared/audit/verify.go", `(o.Before != v.before.open.First || o.Hash != digest(v.before.data)):`, `o.Before != v.before.open.First:`},
			edit{"shared/audit/verify.go", `r.Prev != v.report.Head.MAC:`, `r.Prev == "" && v.report.Entries > 0:`}), "shared/audit", "TestTwoEndsOfALogDoNotFitTogether"},
	{"audit entries that the checkpoint counts may be missing", change("shared/audit/verify.go", "		v.known[m.Seq] = append(v.known[m.Seq], m.MAC)\n", ""), "shared/audit", "TestVerifyFindsEveryKindOfTampering"},
	{"a broken audit log goes on where its end is missing", change("shared/audit/log.go", "	if m.Seq > t.segment.last {\n", "	if m.Seq > t.segment.last && t.segment.last > 0 {\n		return t, nil\n	}\n	if m.Seq > t.segment.last {\n"), "shared/audit", "TestNothingIsAddedToAnotherEnd"},
	{"a broken audit log goes on after another entry than the checkpoint's", change("shared/audit/log.go", `if err == nil && mac != m.MAC {`, `if err == nil && mac == "" {`), "shared/audit", "TestNothingIsAddedToAnotherEnd"},

	// The sealed bucket.
	{"a sealed object is not bound to its key in the bucket", change("shared/seal/object.go", `header...), place...)`, `header...), ""...)`), "shared/seal", "TestObjectsAreSealedAsPublished"},
	{"a sealed object opens in another place: its key, and the sum of it in the header", change("shared/seal/object.go", `header...), place...)`, `header[:atPlace]...), ""...)`), "shared/seal", "TestAMovedObjectWithAMendedHeaderDoesNotOpen"},
	{"an object that is not sealed is read", change("shared/seal/bucket.go", `b.plain && !isSealed(o.Data)`, `!isSealed(o.Data)`), "shared/seal", "TestWhatWasNotSealedIsRefusedExceptWhileImporting"},

	// Labels themselves.
	{"attested text counts as the owner's", change(labelGo, `return l.Integrity < Owner }`, `return l.Integrity < Attested }`), "shared/label", "TestWhatIsBelowOwnerIsTainted"},
	{"a join has the highest integrity", change(labelGo, `return New(min(l.Integrity, m.Integrity)`, `return New(max(l.Integrity, m.Integrity)`), "shared/label", "TestJoinOnlyFalls"},
	{"a join has the lowest confidentiality", change(labelGo, `max(l.Confidentiality, m.Confidentiality)`, `min(l.Confidentiality, m.Confidentiality)`), "shared/label", "TestJoinOnlyFalls"},
	{"a join has all readers", change(labelGo, `intersect(boundReaders(l.Readers), boundReaders(m.Readers))`, `slices.Concat(l.Readers, m.Readers)`), "shared/label", "TestJoinOnlyFalls"},
	{"a label that cannot be read is the program's", change("shared/label/json.go", `*l = Worst()`, `*l = Program()`), "shared/label", "TestBrokenLabelsReadAsTheWorst"},
	{"an integrity that nobody knows is the owner's", change("shared/label/json.go", "	return Untrusted\n}", "	return Owner\n}"), "shared/label", "TestAMarkKeepsWhatCounts"},
	{"of several marks the last one counts", change(markGo, `min(l.Integrity, ParseIntegrity(word)), true`, `ParseIntegrity(word), true`), "shared/label", "TestAMarkKeepsWhatCounts"},
	{"a mark does not say that something is secret", change(markGo, "	if l.Confidentiality >= Secret {\n", "	if l.Confidentiality > Secret {\n"), "shared/label", "TestAMarkKeepsWhatCounts"},
	{"a mark that is missing is the program's", change(markGo, "		case \"\":\n			return Worst()\n", "		case \"\":\n			return l\n"), "shared/label", "TestAMarkKeepsWhatCounts"},
	{"a mark that says nothing of integrity is the program's", change(markGo, "	if !known {\n		return Worst()\n	}\n", "	_ = known\n"), "shared/label", "TestAMarkKeepsWhatCounts"},
	{"a list that overflows is cut", change(labelGo, "	if len(list) > MaxReaders {\n		return nil\n	}\n", "	list = list[:min(len(list), MaxReaders)]\n"), "shared/label", "TestListsThatOverflowWidenSafely"},
}
