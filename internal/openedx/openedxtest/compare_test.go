package openedxtest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// recordedResponse is an answer as the recorder noted it.
type recordedResponse struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	JSON    any               `json:"json"`
	HasJSON bool              `json:"-"`
	HTML    bool              `json:"html"`
	Text    string            `json:"text"`
	Length  string            `json:"length"` // "empty" or "body"
}

// UnmarshalJSON also notes whether there is JSON at all, as null is JSON too.
func (r *recordedResponse) UnmarshalJSON(data []byte) error {
	type plain recordedResponse
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	_, r.HasJSON = members["json"]
	return json.Unmarshal(data, (*plain)(r))
}

// volatile are the members whose values differ by nature; of these only the type is compared.
var volatile = strings.Fields(`
	created date_joined last_login access_token id user_id lms_user_id next previous redirect_url username_suggestions
	n kid auth developer_message_detail profile_image sub exp iat activation_key expires expires_epoch_seconds
	response_epoch_seconds response_http_date csrfToken time_zone sku bulk_sku`)

// compare lists how an answer differs from a recorded one, by the rules of the replayer that came with the recordings.
func compare(want, got recordedResponse) []string {
	var differences []string
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if want.Status != got.Status {
		differ("status %d, want %d", got.Status, want.Status)
	}
	for _, name := range []string{"allow", "www-authenticate"} {
		if want.Headers[name] != "" && want.Headers[name] != got.Headers[name] {
			differ("%s %q, want %q", name, got.Headers[name], want.Headers[name])
		}
	}
	_, wantWait := want.Headers["retry-after"]
	if _, gotWait := got.Headers["retry-after"]; wantWait != gotWait {
		differ("retry-after there is %t, want %t", gotWait, wantWait)
	}
	mediaType := func(r recordedResponse) string { return strings.Split(r.Headers["content-type"], ";")[0] }
	if want.Length != "empty" && mediaType(want) != mediaType(got) {
		differ("content type %q, want %q", mediaType(got), mediaType(want))
	}
	if want.Length != got.Length {
		differ("%s, want %s", got.Length, want.Length)
	}
	switch {
	case want.HasJSON:
		if diff := cmp.Diff(shape(want.JSON, ""), shape(got.JSON, "")); diff != "" {
			differ("(-want +got)\n%s", diff)
		}
	case !want.HTML && strings.TrimSpace(want.Text) != strings.TrimSpace(got.Text):
		differ("text %q, want %q", got.Text, want.Text)
	}
	return differences
}

var (
	timeText = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)?`)
	urlText  = regexp.MustCompile(`https?://[^\s"']+`)
	waitText = regexp.MustCompile(`available in \d+ second`)
)

// shape is a value without what differs by nature. The name is that of the member it is the value of.
func shape(v any, name string) any {
	isVolatile := slices.Contains(volatile, name)
	switch v := v.(type) {
	case map[string]any:
		members := map[string]any{}
		for n, member := range v {
			members[n] = shape(member, n)
		}
		return members
	case []any:
		if isVolatile {
			return "<list>"
		}
		elements := make([]any, len(v))
		for i, element := range v {
			elements[i] = shape(element, name)
		}
		return elements
	}
	if isVolatile {
		return fmt.Sprintf("<%T>", v)
	}
	if text, isText := v.(string); isText {
		text = timeText.ReplaceAllString(text, "<time>")
		text = urlText.ReplaceAllString(text, "<url>")
		return waitText.ReplaceAllString(text, "available in N second")
	}
	return v
}
