package push

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
)

// Format is how documents are written in a file.
type Format string

const (
	// NDJSON has a document in each line.
	NDJSON Format = "ndjson"
	// CSV has an enrollment in each row.
	CSV Format = "csv"
)

// formatOf finds the format of a file that is not stated.
func formatOf(stated Format, path string) (Format, error) {
	extension := filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz"))
	switch {
	case stated == NDJSON || stated == CSV:
		return stated, nil
	case stated != "":
		return "", fmt.Errorf("the format is %q; it must be %s or %s", stated, NDJSON, CSV)
	case path == "" || extension == ".ndjson" || extension == ".jsonl":
		return NDJSON, nil
	case extension == ".csv":
		return CSV, nil
	default:
		return "", fmt.Errorf("%s ends neither with .ndjson, .jsonl nor .csv (each also with .gz); state its --format", path)
	}
}

// skipMark leaves out the byte order mark that some programs begin a file in UTF-8 with, and gives it back.
func skipMark(r *bufio.Reader) (text *bufio.Reader, mark []byte) {
	byteOrderMark := []byte("\ufeff")
	if begin, _ := r.Peek(len(byteOrderMark)); bytes.Equal(begin, byteOrderMark) {
		_, _ = r.Discard(len(byteOrderMark))
		return r, byteOrderMark
	}
	return r, nil
}
