package ingest

import (
	"bufio"
	"errors"
	"io"
)

// lines reads a body line by line, in memory that depends on neither its length nor that of its lines.
type lines struct {
	reader *bufio.Reader
	// limit is the length of the longest line, in bytes, without its end.
	limit int64
	// number counts the lines that were begun, from 1.
	number int64
	line   []byte
}

var errLongLine = errors.New("the line is too long")

func newLines(body io.Reader, limit int64) *lines {
	return &lines{reader: bufio.NewReaderSize(body, 64<<10), limit: limit}
}

// next gives the next line without its end. It is valid until the call after this. The error is errLongLine for a line that
// was skipped, io.EOF after the last one, or another one of the body: then what came of the last line is no line.
func (l *lines) next() ([]byte, error) {
	l.number++
	l.line = l.line[:0]
	long := false
	for {
		part, err := l.reader.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		long = long || int64(len(l.line)+len(part)) > l.limit
		if !long {
			l.line = append(l.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (long || len(l.line) > 0):
			ended = true // the last line needs no end
		}
		switch {
		case !ended:
			return nil, err
		case long:
			return nil, errLongLine
		default:
			return l.line, nil
		}
	}
}
