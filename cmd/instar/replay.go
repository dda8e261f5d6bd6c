package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"instar/cmd/instar/replay"
	"instar/shared/seal"
)

const replayUsage = `Usage: instar replay [--json] [--no-manifests] FILE...

Plays recorded attacks against the real turn engine, gate, memory and bucket,
with a scripted model that obeys the attacker completely. Exits with 1 when an
attack had an effect without approval, or what was planted counted for more
than a stranger's text.

`

// replayHalf names the variable by which replay starts itself for one half of
// cases in two sessions: "1 FOLDER FILE", as JSON.
const replayHalf = "INSTAR_REPLAY_HALF"

type half struct {
	Half         int
	Folder, File string
}

func replayVectors(sh *shell) error {
	f := sh.flags(replayUsage)
	asJSON := f.Bool("json", false, "print one JSON document")
	bare := f.Bool("no-manifests", false, "run the files' tools without their manifests")
	files, err := sh.parseAny(f)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return sh.misused(f, "which files?")
	}
	// What the agent logs of its turns is not the report.
	slog.SetDefault(slog.New(slog.NewTextHandler(sh.stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	o := replay.Options{Bare: *bare}
	if order := sh.env(replayHalf); order != "" {
		return replayOneHalf(sh, order, files, o)
	}
	key := seal.NewKey().Text()
	o.Restart = func(ctx context.Context, n int, folder, file string) (*replay.Halves, error) {
		return restart(ctx, half{n, folder, file}, key, *bare, files)
	}
	report, err := replay.Run(sh.ctx, files, o)
	if err != nil {
		return err
	}
	if *asJSON {
		if err := json.NewEncoder(sh.stdout).Encode(report); err != nil {
			return err
		}
	} else {
		report.Print(sh.stdout)
	}
	if report.Failed() {
		return errors.New("something got through")
	}
	return nil
}

// restart runs one half in a process of its own.
func restart(ctx context.Context, h half, key string, bare bool, files []string) (*replay.Halves, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	order, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, append([]string{"replay", "--no-manifests=" + strconv.FormatBool(bare), "--"}, files...)...)
	c.Env = append(os.Environ(), replayHalf+"="+string(order), "SEAL_KEY="+key)
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(problems.String()))
	}
	got := new(replay.Halves)
	return got, json.Unmarshal(out.Bytes(), got)
}

func replayOneHalf(sh *shell, order string, files []string, o replay.Options) error {
	var h half
	if err := json.Unmarshal([]byte(order), &h); err != nil {
		return fmt.Errorf("%s: %w", replayHalf, err)
	}
	key, err := seal.ParseKey("SEAL_KEY", sh.env("SEAL_KEY"))
	if err != nil {
		return err
	}
	got, err := replay.Half(sh.ctx, h.Half, h.Folder, h.File, files, key, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(sh.stdout).Encode(got)
}
