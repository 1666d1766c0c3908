package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// field is a row of a table of fields.
type field struct{ path, value, meaning string }

// fieldsOf gives the fields below a schema, those of objects and lists in it behind their own.
func fieldsOf(schema apiextensionsv1.JSONSchemaProps, prefix string) []field {
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if name == "conditions" {
			continue // the same on every kind of Kubernetes
		}
		property := schema.Properties[name]
		path := prefix + name
		inner := property
		if property.Type == "array" {
			path += "[]"
			inner = *property.Items.Schema
		}
		required := ""
		if slices.Contains(schema.Required, name) {
			required = ", required"
		}
		fields = append(fields, field{path, valueOf(property) + required, meaningOf(property, name)})
		fields = append(fields, fieldsOf(inner, path+".")...)
	}
	return fields
}

// valueOf says what a field holds: its type and bounds, or the words that it may be.
func valueOf(schema apiextensionsv1.JSONSchemaProps) string {
	var bounds string
	switch {
	case len(schema.Enum) > 0:
		words := make([]string, len(schema.Enum))
		for i, word := range schema.Enum {
			words[i] = "`" + strings.Trim(string(word.Raw), `"`) + "`"
		}
		return strings.Join(words, ", ")
	case schema.Minimum != nil && schema.Maximum != nil:
		bounds = fmt.Sprintf(", %.0f to %.0f", *schema.Minimum, *schema.Maximum)
	case schema.Minimum != nil:
		bounds = fmt.Sprintf(", from %.0f", *schema.Minimum)
	case schema.Format == "date":
		return "date, YYYY-MM-DD"
	case schema.Format == "date-time":
		return "time"
	case schema.MaxLength != nil:
		bounds = fmt.Sprintf(", up to %d characters", *schema.MaxLength)
	case schema.MaxItems != nil:
		bounds = fmt.Sprintf(", up to %d", *schema.MaxItems)
	}
	return map[string]string{"array": "list"}[schema.Type] + strings.TrimPrefix(schema.Type, "array") + bounds
}

// meaningOf gives the description without the field's name, which Go wants at its beginning.
func meaningOf(schema apiextensionsv1.JSONSchemaProps, name string) string {
	text := strings.Join(strings.Fields(schema.Description), " ")
	for _, beginning := range []string{name + " is ", name + " are ", name + " says ", name + " "} {
		if rest, found := strings.CutPrefix(text, beginning); found {
			text = rest
			break
		}
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
