//go:build !js

package bucket

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// replace gives the file its new content in one step: written aside, flushed,
// renamed, and the rename itself flushed. When only the last flush fails, the
// caller sees an error although the object may have changed.
func (f *Folder) replace(file string, data []byte) error {
	dir := filepath.Dir(file)
	if err := makeDirs(dir); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.tmp, "put-")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(dir)
}

// remove deletes the file and the directories it leaves empty, and flushes.
func (f *Folder) remove(file string) error {
	if err := os.Remove(file); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	dir := filepath.Dir(file)
	for dir != f.objects && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
	return syncDir(dir)
}

// makeDirs creates the directory with its parents, and flushes each new name.
func makeDirs(dir string) error {
	_, err := os.Stat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return syncDir(parent)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
