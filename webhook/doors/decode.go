package doors

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall.dev/rollcall/webhook/problem"
)

// Schema says of a body how Decode finds it wrong.
type Schema struct {
	// Thing is what the body is, with its article, as a sentence begins with it.
	Thing string
	// Optional is true for the names of members that can be left out.
	Optional func(name string) bool
	// Invalid makes a problem of what is JSON, but not such a thing.
	Invalid func(...problem.Error) *problem.Problem
}

// Decode reads a body, strictly. It finds the first error only.
func Decode[T any](body []byte, schema Schema) (T, error) {
	var decoded, none T
	// Syntax comes first, and for all of the body: what is not JSON has no attributes that could be wrong.
	var syntactic *jsontext.SyntacticError
	var value jsontext.Value
	if err := json.Unmarshal(body, &value, jsontext.AllowDuplicateNames(true)); errors.As(err, &syntactic) {
		return none, problem.NotJSON(fmt.Sprintf("The body breaks the rules of JSON at byte %d.", syntactic.ByteOffset),
			problem.Error{Pointer: pointer(syntactic.JSONPointer), Reason: problem.ReasonSyntax, Detail: "This is not JSON in UTF-8."})
	} else if err != nil {
		return none, problem.NotJSON("The body is empty.")
	}

	var semantic *json.SemanticError
	err := json.Unmarshal(body, &decoded, json.RejectUnknownMembers(true), json.WithUnmarshalers(refuseNull))
	switch {
	case err == nil:
		return decoded, nil
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return none, schema.Invalid(problem.Error{Pointer: pointer(syntactic.JSONPointer), Reason: problem.ReasonDuplicate,
			Detail: "This member is there twice."})
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return none, schema.Invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: problem.ReasonUnknown,
			Detail: schema.Thing + " has no such member; names are case-sensitive."})
	case errors.Is(err, errNull) && errors.As(err, &semantic):
		return none, schema.Invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: problem.ReasonWrongType,
			Detail: schema.nullDetail(semantic.JSONPointer)})
	case errors.As(err, &semantic):
		return none, schema.Invalid(problem.Error{Pointer: pointer(semantic.JSONPointer), Reason: problem.ReasonWrongType,
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

// nullDetail says what to do about a null.
func (s *Schema) nullDetail(p jsontext.Pointer) string {
	if s.Optional(p.LastToken()) {
		return "This must not be null; leave the member out if it has no value."
	}
	return "This must not be null."
}

// jsonType names the JSON type that a Go type is read from.
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

// MaxPointer is the longest pointer that is answered, in bytes: the names in it are the caller's.
const MaxPointer = 256

func pointer(p jsontext.Pointer) string {
	for len(p) > MaxPointer {
		p = p.Parent()
	}
	return string(p)
}
