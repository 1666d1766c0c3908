package push

// document is one of the input.
type document struct {
	// number is its place among the documents of the input, and line where it begins; both count from 1.
	number, line int64
	// original is how it is in the input: one line, or several rows, each with its end.
	original []byte
	// body is the line to send, with its end.
	body []byte
	// contactID is known before the answer only for rows.
	contactID string
	// fault is why it is not sent at all.
	fault *finding
	// failures counts how often the server failed on it.
	failures int
}

// finding is one thing that is wrong with a document, or that conflicts. It has the form in which the server says it.
type finding struct {
	// Pointer is a JSON pointer into the line that is sent.
	Pointer string `json:"pointer"`
	// Header is there for what is a header of a PUT.
	Header string `json:"header"`
	// Reason is one CamelCase word.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// The reasons of what is refused before it is sent are those that the server has for the same.
const (
	reasonMissing      = "Missing"
	reasonMalformed    = "Malformed"
	reasonDuplicate    = "Duplicate"
	reasonInconsistent = "Inconsistent"
)

// source reads documents one by one; the error after the last one is io.EOF.
type source interface {
	next() (*document, error)
}

var (
	_ source = (*ndjsonSource)(nil)
	_ source = (*csvSource)(nil)
)

// where is the place in the line that is sent: a revision, which is a header of a PUT, is a member of it.
func (f *finding) where() string {
	if f.Pointer == "" && f.Header == "Document-Revision" {
		return "/DocumentRevision"
	}
	return f.Pointer
}
