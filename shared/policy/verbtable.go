package policy

// verbRow are words that ask for the same thing. Words of two parts are
// written with "_". The Japanese ones are what stands before て or する.
type verbRow struct {
	en, ja  []string
	effects []Effect // that the row asks for when a tool declares no words of its own
}

// verbs is the table of what can be asked for. To teach the gate another verb,
// add it to its row; to teach it another language, add a column here and to
// nouns, and a reader beside english and japanese in verbs.go.
func verbs() []verbRow { return verbRows[:] }

// The tables are arrays, so that nothing is built when the program starts, and
// are not changed.
var verbRows = [...]verbRow{
	{[]string{"send", "forward", "reply", "respond", "email", "e-mail", "mail", "message", "text", "dm", "notify", "inform", "tell", "write_to", "write_back", "drop_line"},
		[]string{"送っ", "送り", "送信", "転送", "返信", "返事", "メール", "伝え", "知らせ", "連絡"}, []Effect{Send}},
	{[]string{"share", "give_access", "grant_access"}, []string{"共有", "シェア"}, []Effect{Send}},
	{[]string{"post", "publish", "tweet", "announce"}, []string{"投稿", "公開", "発表", "掲載"}, []Effect{Send}},
	{[]string{"invite"}, []string{"招待", "誘っ"}, []Effect{Send}},
	{[]string{"pay", "transfer", "refund", "wire", "remit", "reimburse", "donate", "settle", "pay_back", "give_back", "send_back"},
		[]string{"払っ", "支払", "振り込ん", "振込", "送金", "返金", "寄付"}, []Effect{Money}},
	{[]string{"book", "reserve", "order", "buy", "purchase"}, []string{"予約", "注文", "購入", "買っ"}, []Effect{Money}},
	{[]string{"delete", "remove", "erase", "trash", "discard", "wipe", "get_rid"}, []string{"削除", "消し", "消去", "捨て"}, []Effect{Delete}},
	{[]string{"cancel", "call_off", "unsubscribe"}, []string{"キャンセル", "中止", "取り消し", "解約"}, []Effect{Delete}},
	{[]string{"create", "make", "add", "set_up", "schedule", "book", "put", "plan", "enter", "block"},
		[]string{"作っ", "作成", "追加", "登録", "入れ", "予定し"}, []Effect{OwnWrite}},
	{[]string{"save", "store", "keep", "write", "record", "note", "write_down"}, []string{"保存", "書い", "記録", "残し"}, []Effect{OwnWrite, WriteOwn}},
	{[]string{"remember", "memorize", "memorise", "note", "jot", "keep_in_mind", "don't_forget", "do_not_forget"},
		[]string{"覚え", "メモ", "記憶", "忘れないで"}, []Effect{OwnWrite, WriteOwn}},
	{[]string{"append", "add"}, []string{"追記", "追加", "書き足し"}, []Effect{OwnModify}},
	{[]string{"move", "reschedule", "postpone", "shift", "delay", "push_back", "bring_forward"}, []string{"移動", "ずらし", "延期", "移し", "変更"}, []Effect{OwnModify}},
	{[]string{"change", "update", "modify", "edit", "adjust", "correct", "fix", "rename", "alter", "replace"},
		[]string{"変更", "更新", "修正", "編集", "直し", "変え"}, []Effect{OwnModify, Account}},
	{[]string{"set", "reset", "enable", "disable", "turn_on", "turn_off"}, []string{"設定", "リセット", "有効", "無効"}, []Effect{Account, SetPolicy}},
	{[]string{"remind", "schedule", "wake", "alert"}, []string{"リマインド", "思い出させ", "起こし", "予約"}, []Effect{MakeJob}},
	{[]string{"run", "execute", "compute", "build"}, []string{"実行", "動かし", "計算"}, []Effect{RunCode}},
	{[]string{"install"}, []string{"インストール", "導入"}, []Effect{Install}},
	{[]string{"allow", "permit", "grant", "approve"}, []string{"許可", "承認"}, []Effect{SetPolicy, TrustMemory}},
	{[]string{"trust", "endorse", "promote", "confirm"}, []string{"信頼", "信用", "昇格"}, []Effect{TrustMemory}},
	{[]string{"unlock", "open"}, []string{"開け", "解錠"}, nil},
	{[]string{"lock", "close", "shut"}, []string{"閉め", "施錠"}, nil},
	{[]string{"play"}, []string{"再生", "流し"}, nil},
	{[]string{"sell"}, []string{"売っ", "売却"}, nil},
	{[]string{"withdraw"}, []string{"引き出し", "出金"}, nil},
	{[]string{"leave", "quit", "exit"}, []string{"退出", "脱退"}, nil},
	{[]string{"upload"}, []string{"アップロード"}, nil},
}

// nounRow are words for the same kind of thing.
type nounRow struct{ en, ja []string }

func nouns() []nounRow { return nounRows[:] }

var nounRows = [...]nounRow{
	{[]string{"email", "e-mail", "mail", "message", "inbox"}, []string{"メール", "メッセージ", "受信"}},
	{[]string{"event", "calendar", "meeting", "appointment"}, []string{"予定", "会議", "カレンダー", "ミーティング", "約束"}},
	{[]string{"file", "document", "doc", "spreadsheet"}, []string{"ファイル", "書類", "文書", "資料"}},
	{[]string{"payment", "transaction", "transfer", "bill", "invoice"}, []string{"支払", "振込", "送金", "取引", "請求"}},
	{[]string{"password", "passcode"}, []string{"パスワード", "暗証"}},
	{[]string{"account", "profile", "address"}, []string{"アカウント", "プロフィール", "住所"}},
	{[]string{"reminder", "alarm"}, []string{"リマインダー", "アラーム"}},
	{[]string{"contact"}, []string{"連絡先"}},
	{[]string{"channel"}, []string{"チャンネル"}},
	{[]string{"note", "memo"}, []string{"ノート", "メモ"}},
	{[]string{"participant", "attendee", "guest", "invitee"}, []string{"参加者", "出席者"}},
	{[]string{"user", "member"}, []string{"ユーザー", "メンバー"}},
	{[]string{"reservation", "booking", "ticket"}, []string{"予約", "チケット"}},
	{[]string{"list"}, []string{"リスト", "一覧"}},
	{[]string{"page", "site", "website", "web", "url", "link", "article", "internet", "online"}, []string{"ページ", "サイト", "リンク", "記事", "ネット"}},
}
