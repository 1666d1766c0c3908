package push

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// input is what is pushed. A file is read twice: it is surveyed before anything of it is sent.
type input struct {
	// name is for messages, and what the names of the files beside the input begin with.
	name   string
	format Format
	// file is nil for documents that are sent while they come in, which can be read only once.
	file   *os.File
	stream io.Reader
	// named says that a later run can find the file again, and go on where this one ends.
	named bool
}

// survey is what a first look at the input finds. It is empty for a stream.
type survey struct {
	identity
	// documents is how many there are, or 0 if that is not known.
	documents int64
	// scattered are the contacts whose rows are not all together. Nobody can tell which of them are meant.
	scattered map[string]bool
	// header is the row with the names of the columns.
	header []byte
}

// identity tells one content of a file from another, or another reading of it.
type identity struct {
	Format Format `json:"format"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// openInput finds the documents. Rows from a pipe are kept in a file without a name first: they are only documents when it is
// sure that no row of the same contact follows later.
func openInput(ctx context.Context, options *Options) (*input, error) {
	path := options.File
	if path == "-" {
		path = ""
	}
	format, err := formatOf(options.Format, path)
	if err != nil {
		return nil, err
	}
	switch {
	case path != "":
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if status, err := file.Stat(); err != nil || !status.Mode().IsRegular() {
			return nil, errors.Join(fmt.Errorf("%s is not a regular file; pipe it in instead", path), err, file.Close())
		}
		return &input{name: path, format: format, file: file, named: true}, nil
	case format == NDJSON:
		return &input{name: "stdin", format: format, stream: options.Stdin}, nil
	default:
		file, err := os.CreateTemp("", "rollcall-push-")
		if err != nil {
			return nil, err
		}
		err = os.Remove(file.Name()) // before there is anything in it that an interruption could leave behind
		if err == nil {
			err = copyAll(ctx, file, options.Stdin)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return &input{name: "stdin", format: format, file: file}, nil
	}
}

// copyAll ends when the context does, also while it waits for a pipe. What it then still reads goes nowhere.
func copyAll(ctx context.Context, to io.Writer, from io.Reader) error {
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(to, from)
		copied <- err
	}()
	select {
	case err := <-copied:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *input) close() {
	if i.file != nil {
		_ = i.file.Close()
	}
}

// open reads the input from its beginning, unpacked.
func (i *input) open(found *survey) (source, error) {
	raw := i.stream
	if i.file != nil {
		if _, err := i.file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		raw = i.file
	}
	return i.read(raw, found)
}

func (i *input) read(raw io.Reader, found *survey) (source, error) {
	buffered := bufio.NewReaderSize(raw, 64<<10)
	unpacked := io.Reader(buffered)
	if begin, _ := buffered.Peek(2); bytes.Equal(begin, []byte{0x1f, 0x8b}) { // gzip; no text begins so
		zip, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		unpacked = zip
	}
	if i.format == CSV {
		return newCSV(unpacked, found.scattered)
	}
	return newNDJSON(unpacked), nil
}

// survey reads a file once, so that a mistake that makes all of it unreadable is found while nothing of it was sent.
func (i *input) survey(ctx context.Context) (*survey, error) {
	found := &survey{identity: identity{Format: i.format}, scattered: map[string]bool{}}
	if i.file == nil {
		return found, nil
	}
	if _, err := i.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	digest := sha256.New()
	raw := io.TeeReader(i.file, digest)
	documents, err := i.read(raw, found)
	if err != nil {
		return nil, err
	}
	if rows, ok := documents.(*csvSource); ok {
		found.header = rows.header
	}
	seen := map[string]bool{} // of rows only
	for {
		document, err := documents.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if id := document.contactID; id != "" {
			if seen[id] {
				found.scattered[id] = true
			}
			seen[id] = true
		}
		found.documents++
	}
	if _, err := io.Copy(io.Discard, raw); err != nil { // what may follow the packed part
		return nil, err
	}
	found.SHA256 = hex.EncodeToString(digest.Sum(nil))
	found.Size, err = i.file.Seek(0, io.SeekCurrent)
	return found, err
}
