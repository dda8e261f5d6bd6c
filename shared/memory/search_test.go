package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"instar/shared/bucket"
)

func search(t *testing.T, s *Store, query string) []string {
	t.Helper()
	hits, err := s.Search(ctx, query, 0)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, h := range hits {
		texts = append(texts, h.Text)
	}
	return texts
}

func TestRanking(t *testing.T) {
	notes := []string{
		"dentist appointment on Thursday",
		"Long call with Bob about the move, the new flat, his brother who is a dentist in Leeds, the broken lift and who pays for the van next week",
		"Bob's van holds twelve boxes",
		"木曜に歯医者の予約",
		"歯ブラシを買う",
		"母は医者に行った方がいいと言っている、でもまだ決めていない",
		"スターバックスで会議、来週の火曜です",
		"ｻｰﾊﾞｰのﾊﾟｽﾜｰﾄﾞを変更した",
		"星期四下午三点去看牙医",
		"北京的天气很好，周末去爬山",
		"买了新的手机，型号是 Pixel 12",
		"CAFÉ Luna closes at 18:00",
		"Ｆｕｌｌ－ｗｉｄｔｈ Ｗｉｆｉ password is under the router",
		"내일 서울에서 회의가 있다",
		"The flights to Oslo were booked and the cities are decided",
		"木の机を注文した",
		"Das Paket für Jörg liegt beim Nachbarn",
		"Позвонить маме в пятницу",
		"พรุ่งนี้ไปหาหมอฟัน",
	}
	s, _ := store(t, map[string]string{Curated: "- " + strings.Join(notes, "\n- ")})
	for _, c := range []struct{ query, first string }{
		{"dentist", "dentist appointment on Thursday"},
		{"When is my dentist appointment?", "dentist appointment on Thursday"},
		{"dentists", "dentist appointment on Thursday"},
		{"box", "Bob's van holds twelve boxes"},
		{"歯医者", "木曜に歯医者の予約"},
		{"歯医者はいつですか", "木曜に歯医者の予約"},
		{"歯医者の予約はいつ?", "木曜に歯医者の予約"},
		{"すたーばっくす", "スターバックスで会議、来週の火曜です"},
		{"サーバー パスワード", "ｻｰﾊﾞｰのﾊﾟｽﾜｰﾄﾞを変更した"},
		{"ﾊﾞｽﾜｰﾄﾞ", "ｻｰﾊﾞｰのﾊﾟｽﾜｰﾄﾞを変更した"},
		{"サーハ\u3099ー", "ｻｰﾊﾞｰのﾊﾟｽﾜｰﾄﾞを変更した"},
		{"机", "木の机を注文した"},
		{"牙医", "星期四下午三点去看牙医"},
		{"什么时候看牙医", "星期四下午三点去看牙医"},
		{"天气", "北京的天气很好，周末去爬山"},
		{"山", "北京的天气很好，周末去爬山"},
		{"pixel手机", "买了新的手机，型号是 Pixel 12"},
		{"cafe luna", "CAFÉ Luna closes at 18:00"},
		{"cafe\u0301", "CAFÉ Luna closes at 18:00"},
		{"ＷＩＦＩ　ＰＡＳＳＷＯＲＤ", "Ｆｕｌｌ－ｗｉｄｔｈ Ｗｉｆｉ password is under the router"},
		{"회의", "내일 서울에서 회의가 있다"},
		{"booking a flight", "The flights to Oslo were booked and the cities are decided"},
		{"city", "The flights to Oslo were booked and the cities are decided"},
		{"jorg", "Das Paket für Jörg liegt beim Nachbarn"},
		{"ПЯТНИЦУ", "Позвонить маме в пятницу"},
		{"หมอฟัน", "พรุ่งนี้ไปหาหมอฟัน"},
	} {
		if got := search(t, s, c.query); len(got) == 0 || got[0] != c.first {
			t.Errorf("%q finds %q first, want %q", c.query, got, c.first)
		}
	}
	for _, query := range []string{"", " ?! ", "zebra", "象", "🦷", "\xff"} {
		if got := search(t, s, query); len(got) != 0 {
			t.Errorf("%q finds %q", query, got)
		}
	}
	if got := search(t, s, "dentist"); len(got) != 2 {
		t.Errorf("dentist finds %q", got)
	}
}

func TestHitsSayWhereTheyStand(t *testing.T) {
	s, _ := store(t, map[string]string{
		Curated:                "# Memory\n\n## Dentist\n\n- Thursday at three\n- bring the card <!-- instar at=2026-01-02T08:00:00Z id=t9 origin=web:x label=low -->\n",
		"memory/2026-01-04.md": "# 2026-01-04\n\n- 09:15 rang the dentist\n",
		User:                   "A paragraph.\n\nThe family dentist is Dr. Ito,\nin Shibuya.",
	})
	hits, err := s.Search(ctx, "dentist", 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Hit{}
	for _, h := range hits {
		h.Score = 0
		got[h.Text] = h
	}
	want := []Hit{
		{File: Curated, Line: 5, Text: "Thursday at three", Section: "Dentist"},
		{File: Curated, Line: 6, Text: "bring the card", Section: "Dentist", Time: time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC),
			Source: Source{ID: "t9", Origin: "web:x", Label: "low"}},
		{File: "memory/2026-01-04.md", Line: 3, Text: "rang the dentist", Section: "2026-01-04", Time: time.Date(2026, 1, 4, 9, 15, 0, 0, time.UTC)},
		{File: User, Line: 3, Text: "The family dentist is Dr. Ito,\nin Shibuya."},
	}
	for _, w := range want {
		if got[w.Text] != w {
			t.Errorf("got %+v, want %+v", got[w.Text], w)
		}
	}
	if len(hits) != len(want) {
		t.Errorf("%d hits: %+v", len(hits), hits)
	}
}

func TestOfEqualEntriesTheNewestComesFirst(t *testing.T) {
	s, _ := store(t, map[string]string{
		"memory/2025-11-01.md": "- weighed 70 kg",
		"memory/2026-01-04.md": "- weighed 71 kg",
		"memory/2025-12-01.md": "- weighed 72 kg\n- weighed 73 kg",
	})
	want := []string{"weighed 71 kg", "weighed 72 kg", "weighed 73 kg", "weighed 70 kg"}
	for range 10 {
		if got := search(t, s, "weighed"); !slices.Equal(got, want) {
			t.Fatalf("%q", got)
		}
	}
}

func TestARelevantOldEntryBeatsANewPassingMention(t *testing.T) {
	s, _ := store(t, map[string]string{
		"memory/2024-06-01.md": "- passport number is in the blue folder",
		"memory/2026-01-05.md": "- talked for an hour about holidays, trains and whether anyone needs a passport for the trip to Spain next summer",
		Curated:                "- likes tea",
	})
	if got := search(t, s, "passport number"); got[0] != "passport number is in the blue folder" {
		t.Errorf("%q", got)
	}
}

// crowded counts how many reads run at the same time.
type crowded struct {
	bucket.Bucket
	now, most atomic.Int64
}

func (c *crowded) Get(ctx context.Context, key string) (bucket.Object, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	time.Sleep(100 * time.Microsecond) // lets the others in
	return c.Bucket.Get(ctx, key)
}

func TestSearchReadsTheNewestLogsWithinBounds(t *testing.T) {
	files := map[string]string{Curated: "- needle curated", User: "- needle user"}
	for i := range 100 {
		day := noon.AddDate(0, 0, -i)
		files[Daily(day)] = "- needle " + day.Format(time.DateOnly)
	}
	s, m := store(t, files)
	c := &crowded{Bucket: m}
	s.b = c
	hits, err := s.Search(ctx, "needle", 1000)
	if err != nil || len(hits) != maxHits {
		t.Fatal(len(hits), err)
	}
	if got := m.Counts(); got != (bucket.Counts{Reads: 62, Lists: 1}) {
		t.Errorf("%+v", got)
	}
	if c.most.Load() > 6 {
		t.Errorf("%d reads at once", c.most.Load())
	}
	for _, h := range hits {
		if !h.Time.IsZero() && noon.Sub(h.Time) > 61*24*time.Hour {
			t.Errorf("read %s", h.File)
		}
	}
}

func TestSearchReadsAMegabyteOfLogs(t *testing.T) {
	files := map[string]string{}
	for i := range 10 {
		files[Daily(noon.AddDate(0, 0, -i))] = strings.Repeat("- filler\n", 200<<10/9)
	}
	files[Daily(noon.AddDate(0, 0, 1))] = strings.Repeat("- too large\n", 50_000)
	s, m := store(t, files)
	if _, err := s.Search(ctx, "filler", 1); err != nil {
		t.Fatal(err)
	}
	if got := m.Counts().Reads; got != 5+2 {
		t.Errorf("%d reads", got)
	}
}

func TestManyYearsOfLogsStillFindToday(t *testing.T) {
	files := map[string]string{}
	for i := range 1500 {
		files[Daily(noon.AddDate(0, 0, -i))] = "- x"
		files["memory/"+noon.AddDate(0, 0, -i).Format(time.DateOnly)+"-note.md"] = "- y"
	}
	files[Daily(noon)] = "- needle"
	s, m := store(t, files)
	if got := search(t, s, "needle"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	if got := m.Counts().Lists; got != 2 { // 730 days, two files a day
		t.Errorf("%d listings", got)
	}
}

func TestLongParagraphsAreFoundInPieces(t *testing.T) {
	filler := strings.Repeat("filler words here\n", 300)
	s, _ := store(t, map[string]string{Curated: filler + "the needle\n" + filler + strings.Repeat("あ", 3000)})
	hits, err := s.Search(ctx, "needle", 5)
	if err != nil || len(hits) != 1 {
		t.Fatal(hits, err)
	}
	h := hits[0]
	if len(h.Text) > maxPiece || !strings.Contains(h.Text, "the needle") {
		t.Errorf("%d bytes", len(h.Text))
	}
	at := strings.Count(h.Text[:strings.Index(h.Text, "the needle")], "\n")
	if h.Line+at != 301 {
		t.Errorf("piece at line %d, needle %d lines on", h.Line, at)
	}
}

func BenchmarkSearch1000Entries(b *testing.B) {
	m := bucket.NewMemory()
	words := strings.Fields("tea dentist Thursday flat van box Bob Anna Oslo flight router password 歯医者の予約 牙医 会議 スターバックスで 天气很好 buy call mother book")
	n := 0
	for day := range 50 {
		var text strings.Builder
		for range 20 {
			text.WriteString("- 12:00")
			for i := range 12 {
				text.WriteString(" " + words[(n*7+i*i*3+n/13)%len(words)])
			}
			fmt.Fprintf(&text, " <!-- instar at=2026-01-05T12:00:00+09:00 id=t%d.1 origin=telegram:4242 -->\n", n)
			n++
		}
		if _, err := m.PutIfAbsent(ctx, "f/"+Daily(noon.AddDate(0, 0, -day)), []byte(text.String())); err != nil {
			b.Fatal(err)
		}
	}
	s := Open(m, "f")
	s.now = func() time.Time { return noon }
	b.ReportAllocs()
	for b.Loop() {
		hits, err := s.Search(ctx, "when is the dentist appointment 歯医者", 10)
		if err != nil || len(hits) != 10 {
			b.Fatal(len(hits), err)
		}
	}
}

func TestANewerEntryOfAboutTheSameScoreComesFirst(t *testing.T) {
	files := map[string]string{
		"memory/2025-03-01.md": "- the gate code is 1111 now",
		"memory/2026-01-04.md": "- the gate code is 2222 now ok",
		Curated:                strings.Repeat("- likes tea with milk and much sugar\n", 20),
	}
	s, _ := store(t, files)
	if got := search(t, s, "gate code"); got[0] != "the gate code is 2222 now ok" {
		t.Errorf("%q", got)
	}
}

func TestGrammarDoesNotOutweighTheSubject(t *testing.T) {
	s, _ := store(t, map[string]string{Curated: "- いつですかと聞かれた\n- 木曜に歯医者の予約、保険証と診察券を持って行く\n" +
		strings.Repeat("- likes green tea with much sugar in the early morning\n", 20)})
	if got := search(t, s, "医者はいつですか"); got[0] != "木曜に歯医者の予約、保険証と診察券を持って行く" {
		t.Errorf("%q", got)
	}
}
