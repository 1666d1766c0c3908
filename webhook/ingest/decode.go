package ingest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall.dev/rollcall/webhook/problem"
)

// decode reads a document, alone or with what else comes with it. It finds the first error only; validate finds all of
// them.
func decode[T any](body []byte) (T, error) {
	var decoded, none T
	// Syntax comes first, and for all of the body: what is not JSON has no attributes that could be wrong.
	var syntactic *jsontext.SyntacticError
	var value jsontext.Value
	if err := json.Unmarshal(body, &value, jsontext.AllowDuplicateNames(true)); errors.As(err, &syntactic) {
		return none, notJSON(fmt.Sprintf("The body breaks the rules of JSON at byte %d.", syntactic.ByteOffset),
			problem.Error{Pointer: pointer(syntactic.JSONPointer), Reason: reasonSyntax, Detail: "This is not JSON in UTF-8."})
	} else if err != nil {
		return none, notJSON("The body is empty.")
	}

	var semantic *json.SemanticError
	err := json.Unmarshal(body, &decoded, json.RejectUnknownMembers(true), json.WithUnmarshalers(refuseNull))
	switch {
	case err == nil:
		return decoded, nil
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return none, invalid(problem.Error{Pointer: pointer(syntactic.JSONPointer), Reason: reasonDuplicate,
			Detail: "This member is there twice."})
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return none, invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: reasonUnknown,
			Detail: "A document has no such member; names are case-sensitive."})
	case errors.Is(err, errNull) && errors.As(err, &semantic):
		return none, invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: reasonWrongType,
			Detail: nullDetail(semantic.JSONPointer)})
	case errors.As(err, &semantic):
		return none, invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: reasonWrongType,
			Detail: "This must be " + jsonType(semantic.GoType) + "."})
	default:
		return none, err
	}
}

// refuseNull makes null a wrong type everywhere; else it would pass for a member that was not sent.
var refuseNull = json.UnmarshalFromFunc(func(decoder *jsontext.Decoder, _ any) error {
	if decoder.PeekKind() == 'n' {
		return errNull
	}
	return errors.ErrUnsupported // goes on as usual
})

var errNull = errors.New("null")

// nullDetail says what to do about a null: only one member of a document can be left out.
func nullDetail(p jsontext.Pointer) string {
	if p.LastToken() == "AccessEndDate" {
		return "This must not be null; leave the member out if it has no value."
	}
	return "This must not be null."
}

// jsonType names the JSON type that a Go type of the document is read from.
func jsonType(goType reflect.Type) string {
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	switch goType.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Int64:
		return "a whole number of at most 64 bits"
	default:
		return "an object"
	}
}

// maxPointer is the longest pointer that is answered, in bytes: the names in it are the caller's.
const maxPointer = 256

func pointer(p jsontext.Pointer) string {
	for len(p) > maxPointer {
		p = p.Parent()
	}
	return string(p)
}
