package push

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// longestLine bounds the memory for one document, in bytes. The server refuses documents that are far shorter.
const longestLine = 16 << 20

// ndjsonSource reads a document from each line that is not blank. What is in it is the server's to judge.
type ndjsonSource struct {
	reader       *bufio.Reader
	number, line int64
}

func newNDJSON(r io.Reader) *ndjsonSource {
	text, _ := skipMark(bufio.NewReaderSize(r, 64<<10))
	return &ndjsonSource{reader: text}
}

func (s *ndjsonSource) next() (*document, error) {
	for {
		s.line++
		line, err := s.readLine()
		if err != nil {
			return nil, err
		}
		if len(bytes.Trim(line, " \t\r\n")) == 0 {
			continue
		}
		s.number++
		return &document{number: s.number, line: s.line, original: line, body: line}, nil
	}
}

// readLine gives the next line with its end, which the last one may lack in the file.
func (s *ndjsonSource) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := s.reader.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > longestLine:
			return nil, fmt.Errorf("line %d is longer than %d MiB; NDJSON has a document in each line", s.line, longestLine>>20)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return append(line, '\n'), nil
		default:
			return line, err
		}
	}
}
