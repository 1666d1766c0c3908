package ingest

import "rollcall.dev/rollcall/webhook/doors"

// decode reads a document, alone or with what else comes with it. It finds the first error only; validate finds all of
// them.
func decode[T any](body []byte) (T, error) {
	return doors.Decode[T](body, doors.Schema{
		Thing:    "A document",
		Optional: func(member string) bool { return member == "AccessEndDate" },
		Invalid:  invalid,
	})
}
