package push

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"rollcall.dev/rollcall/internal/documents"
)

// The columns of a CSV file, by the names of what they hold in a document.
const (
	columnContactID  = "ContactID"
	columnFirstName  = "FirstName"
	columnLastName   = "LastName"
	columnEmail      = "Email"
	columnCourseCode = "CourseCode"
	columnStart      = "AccessStartDate"
	columnEnd        = "AccessEndDate"
	columnRevision   = "DocumentRevision"
)

var requiredColumns = []string{
	columnContactID, columnFirstName, columnLastName, columnEmail, columnCourseCode, columnStart, columnEnd,
}

// csvSource makes a document of the consecutive rows of each contact.
type csvSource struct {
	reader *csv.Reader
	// raw has what the reader took of the file and was not given out yet; taken is where in the file it begins.
	raw   rawRow
	taken int64
	// header is the first row as it is in the file.
	header  []byte
	columns map[string]int
	// ahead is a row that was read and belongs to the next document.
	ahead  *row
	number int64
	// scattered are the contacts whose rows are not all together, as a first look at the file found them.
	scattered map[string]bool
}

// row is one enrollment, or a contact that has none.
type row struct {
	line     int64
	original []byte
	fields   []string
}

// rawRow is the text of a row, which a quote without its counterpart could make as long as the file.
type rawRow struct{ bytes.Buffer }

var errLongRows = fmt.Errorf("the rows of a contact must not be longer than %d MiB", longestLine>>20)

func (r *rawRow) Write(part []byte) (int, error) {
	if r.Len() > longestLine {
		return 0, errLongRows
	}
	return r.Buffer.Write(part)
}

// newCSV reads the header.
func newCSV(r io.Reader, scattered map[string]bool) (*csvSource, error) {
	s := &csvSource{scattered: scattered}
	text, mark := skipMark(bufio.NewReader(r))
	s.reader = csv.NewReader(io.TeeReader(text, &s.raw))
	header, err := s.read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file is empty; its first row has to name the columns: %s", strings.Join(requiredColumns, ","))
	} else if err != nil {
		return nil, err
	}
	s.header = slices.Concat(mark, header.original)
	s.columns = make(map[string]int, len(header.fields))
	for i, name := range header.fields {
		if !slices.Contains(requiredColumns, name) && name != columnRevision {
			return nil, fmt.Errorf("there is no column %q; the first row has to name %s, and may name %s, with commas between them",
				name, strings.Join(requiredColumns, ","), columnRevision)
		}
		if _, twice := s.columns[name]; twice {
			return nil, fmt.Errorf("the column %s is there twice", name)
		}
		s.columns[name] = i
	}
	for _, name := range requiredColumns {
		if _, there := s.columns[name]; !there {
			return nil, fmt.Errorf("the column %s is missing", name)
		}
	}
	return s, nil
}

func (s *csvSource) next() (*document, error) {
	first := s.ahead
	if s.ahead = nil; first == nil {
		read, err := s.read()
		if err != nil {
			return nil, err
		}
		first = read
	}
	rows, length := []*row{first}, len(first.original)
	for s.field(first, columnContactID) != "" { // rows that name nobody do not belong together
		read, err := s.read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if s.field(read, columnContactID) != s.field(first, columnContactID) {
			s.ahead = read
			break
		}
		if length += len(read.original); length > longestLine {
			return nil, fmt.Errorf("row %d: %w", read.line, errLongRows)
		}
		rows = append(rows, read)
	}
	s.number++
	return s.document(rows)
}

// read gives the next row. A file that breaks the rules of CSV has no rows that could be relied on, and is read no further.
func (s *csvSource) read() (*row, error) {
	fields, err := s.reader.Read()
	if err != nil {
		return nil, err
	}
	line, _ := s.reader.FieldPos(0)
	end := s.reader.InputOffset()
	original := bytes.TrimLeft(s.raw.Next(int(end-s.taken)), "\r\n") // blank lines between rows are not part of them
	s.taken = end
	if !bytes.HasSuffix(original, []byte("\n")) {
		original = append(slices.Clip(original), '\n')
	}
	return &row{line: int64(line), original: bytes.Clone(original), fields: fields}, nil
}

func (s *csvSource) field(r *row, column string) string {
	if i, there := s.columns[column]; there {
		return r.fields[i]
	}
	return ""
}

// document makes one of a contact's rows.
func (s *csvSource) document(rows []*row) (*document, error) {
	first := rows[0]
	made := &document{number: s.number, line: first.line, contactID: s.field(first, columnContactID)}
	for _, r := range rows {
		made.original = append(made.original, r.original...)
	}
	if made.fault = s.fault(rows); made.fault != nil {
		return made, nil
	}

	type enrollment struct {
		CourseCode      string
		AccessStartDate string
		AccessEndDate   string `json:",omitzero"`
	}
	var line struct {
		Contact struct {
			ContactID, FirstName, LastName, Email string
			Enrollments                           []enrollment
		}
		DocumentRevision *int64 `json:",omitzero"`
	}
	contact := &line.Contact
	contact.ContactID = made.contactID
	contact.FirstName = s.field(first, columnFirstName)
	contact.LastName = s.field(first, columnLastName)
	contact.Email = s.field(first, columnEmail)
	for _, r := range rows {
		if s.field(r, columnCourseCode) != "" {
			contact.Enrollments = append(contact.Enrollments, enrollment{
				CourseCode:      s.field(r, columnCourseCode),
				AccessStartDate: s.field(r, columnStart),
				AccessEndDate:   s.field(r, columnEnd),
			})
		}
	}
	if text := s.field(first, columnRevision); text != "" {
		revision, _ := documents.ParseRevision(text) // fault has looked at it
		line.DocumentRevision = &revision
	}
	var err error
	if made.body, err = json.Marshal(line); err != nil {
		return nil, err
	}
	made.body = append(made.body, '\n')
	return made, nil
}

// fault finds why rows are no document: what they state has to be one thing, or the server would be sent a guess.
func (s *csvSource) fault(rows []*row) *finding {
	first := rows[0]
	id := s.field(first, columnContactID)
	if id == "" {
		return &finding{Pointer: "/Contact/ContactID", Reason: reasonMissing, Detail: fmt.Sprintf("Row %d names no contact.", first.line)}
	}
	if s.scattered[id] {
		return &finding{Pointer: "/Contact/ContactID", Reason: reasonDuplicate, Detail: fmt.Sprintf("The rows from %d on are not all of this contact's; put them one below the other.", first.line)}
	}
	if text := s.field(first, columnRevision); text != "" {
		if _, err := documents.ParseRevision(text); err != nil {
			return &finding{Pointer: "/DocumentRevision", Reason: reasonMalformed,
				Detail: fmt.Sprintf("Row %d: this must be a whole number from 0 to 9223372036854775807.", first.line)}
		}
	}
	for _, r := range rows {
		if !utf8.ValidString(strings.Join(r.fields, "")) {
			return &finding{Pointer: "/Contact", Reason: reasonMalformed, Detail: fmt.Sprintf("Row %d is not in UTF-8.", r.line)}
		}
		for _, same := range []struct{ column, pointer string }{
			{columnFirstName, "/Contact/FirstName"}, {columnLastName, "/Contact/LastName"}, {columnEmail, "/Contact/Email"},
			{columnRevision, "/DocumentRevision"},
		} {
			if s.field(r, same.column) != s.field(first, same.column) {
				return &finding{Pointer: same.pointer, Reason: reasonInconsistent, Detail: fmt.Sprintf("Row %d states another %s than row %d, for the same contact.", r.line, same.column, first.line)}
			}
		}
		if s.field(r, columnCourseCode) == "" && (len(rows) > 1 || s.field(r, columnStart) != "" || s.field(r, columnEnd) != "") {
			return &finding{Pointer: "/Contact/Enrollments", Reason: reasonInconsistent, Detail: fmt.Sprintf("Row %d has no CourseCode, which is how a contact without enrollments is written: in one row, without dates.", r.line)}
		}
	}
	return nil
}
