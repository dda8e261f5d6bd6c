package replay

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("%q, %v", files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseData("x", data)
		if (v == nil) == (err == nil) {
			t.Errorf("%v, %v", v, err)
		}
		if s, ok := v.(*suite); ok {
			for _, task := range s.UserTasks {
				if got := s.attacked(task.Calls, "goal"); len(got) != len(task.Calls) {
					t.Errorf("%d calls of %d", len(got), len(task.Calls))
				}
			}
		}
	})
}
