//go:build !js

package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Folder is a Bucket in a folder on disk, one file an object, for use by one
// process at a time. A write that returned nil survives a crash of the process
// or the machine, and a crash in the middle of one leaves the old object or
// the new one. Writes take turns, since each waits for the disk, and every
// page of a listing walks the folder of its prefix: meant for one person's
// data, not for millions of objects.
//
//	objects/...  the objects, see objectPath; readable with an editor
//	tmp/         files being written; emptied when the folder is opened
//	lock         held while a process has the folder open
type Folder struct {
	objects, tmp string

	mu   sync.RWMutex
	lock *os.File // nil once closed
}

var _ Bucket = (*Folder)(nil)

var errClosed = errors.New("folder bucket is closed")

// OpenFolder opens the bucket in dir and creates it where it is missing. It
// fails when a process, this one included, has it open already. Close releases it.
func OpenFolder(dir string) (*Folder, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder bucket %s: %w", dir, err)
	}
	return f, nil
}

func openFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir) // the process may change its directory later
	if err != nil {
		return nil, err
	}
	f := &Folder{objects: filepath.Join(dir, "objects"), tmp: filepath.Join(dir, "tmp")}
	if err := makeDirs(dir); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	f.lock = lock
	err = errors.Join(
		os.RemoveAll(f.tmp), // whatever a crash left half-written
		makeDirs(f.tmp),
		makeDirs(f.objects),
	)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, nil
}

// Close waits for running calls and releases the folder; later calls fail.
// Closing twice is not an error.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close() // releases the lock
	f.lock = nil
	return err
}

func (f *Folder) Get(ctx context.Context, key string) (Object, error) {
	if err := begin(ctx, key); err != nil {
		return Object{}, fmt.Errorf("get object: %w", err)
	}
	// A reader waits for a running write, so that it never acts on bytes which
	// a crash could still take back.
	f.mu.RLock()
	defer f.mu.RUnlock()
	o, err := f.read(key)
	if err != nil {
		return Object{}, fmt.Errorf("get %q: %w", key, err)
	}
	return o, nil
}

func (f *Folder) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return f.put(ctx, key, data, func() (bool, error) {
		_, err := os.Lstat(f.file(key))
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return false, err
	})
}

func (f *Folder) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	return f.put(ctx, key, data, func() (bool, error) {
		o, err := f.read(key)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return o.ETag == etag, err
	})
}

// put writes the object when holds, called under the lock, says so.
func (f *Folder) put(ctx context.Context, key string, data []byte, holds func() (bool, error)) (string, error) {
	if err := begin(ctx, key); err != nil {
		return "", fmt.Errorf("put object: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return "", fmt.Errorf("put %q: %w", key, errClosed)
	}
	ok, err := holds()
	if err == nil && !ok {
		err = ErrPrecondition
	}
	if err == nil {
		err = f.replace(f.file(key), data)
	}
	if err != nil {
		return "", fmt.Errorf("put %q: %w", key, err)
	}
	return contentETag(data), nil
}

func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := begin(ctx, key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return fmt.Errorf("delete %q: %w", key, errClosed)
	}
	if err := f.remove(f.file(key)); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	return nil
}

func (f *Folder) List(ctx context.Context, o ListOptions) (Page, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	page, err := f.list(ctx, o)
	if err != nil {
		return Page{}, fmt.Errorf("list objects: %w", err)
	}
	return page, nil
}

func (f *Folder) list(ctx context.Context, o ListOptions) (Page, error) {
	var page Page
	keys, err := f.keys(ctx, o)
	if err != nil {
		return page, err
	}
	keys, page.Next = o.firstPage(keys)
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return page, err
		}
		object, err := f.read(key)
		if errors.Is(err, ErrNotFound) {
			continue // removed by hand since
		}
		if err != nil {
			return page, err
		}
		page.Entries = append(page.Entries, Entry{Key: key, ETag: object.ETag, Size: int64(len(object.Data))})
	}
	return page, nil
}

// keys returns the keys of a listing, unsorted and without its limit.
func (f *Folder) keys(ctx context.Context, o ListOptions) ([]string, error) {
	if f.lock == nil {
		return nil, errClosed
	}
	if len(o.Prefix) > MaxKey {
		return nil, ctx.Err()
	}
	var keys []string
	err := filepath.WalkDir(filepath.Join(f.objects, objectDir(o.Prefix)), func(file string, entry fs.DirEntry, err error) error {
		if cause := ctx.Err(); cause != nil {
			return cause
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no key has the prefix, or removed by hand since
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(f.objects, file)
		if err != nil {
			return err
		}
		if key, ok := objectKey(filepath.ToSlash(relative)); ok && o.selects(key) {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// read returns the object; the caller holds the lock.
func (f *Folder) read(key string) (Object, error) {
	if f.lock == nil {
		return Object{}, errClosed
	}
	data, err := os.ReadFile(f.file(key))
	if errors.Is(err, fs.ErrNotExist) {
		return Object{}, ErrNotFound
	}
	if err != nil {
		return Object{}, err
	}
	return Object{Key: key, ETag: contentETag(data), Data: data}, nil
}

func (f *Folder) file(key string) string {
	return filepath.Join(f.objects, filepath.FromSlash(objectPath(key)))
}
