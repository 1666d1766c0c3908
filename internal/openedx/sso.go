package openedx

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// linkedUsers is a page of the links of accounts to a provider. One account may have several.
type linkedUsers struct {
	Next    string `json:"next"`
	Results []struct {
		Username string `json:"username"`
	} `json:"results"`
}

// maxLinkPages is more than the links that any fifty accounts have. Whoever answers with more does not heed the page's number.
const maxLinkPages = 20

// LinkedLearners gives those of the accounts that are linked to a provider of single sign-on; see lms.Platform.
func (c *Client) LinkedLearners(ctx context.Context, providerID string, usernames []string) (linked []string, err error) {
	if len(usernames) == 0 {
		return nil, nil // Asked about nobody, the LMS tells of all.
	}
	query := url.Values{"username": {strings.Join(usernames, ",")}, "page_size": {strconv.Itoa(lms.MaxPage)}}
	path := "/api/third_party_auth/v0/providers/" + url.PathEscape(providerID) + "/users"
	for number := range maxLinkPages {
		query.Set("page", strconv.Itoa(number+1))
		var page linkedUsers
		if err := c.do(ctx, request{call: callLinkedUsers, method: http.MethodGet, path: path, query: query, items: len(usernames)}, &page); err != nil {
			return nil, err
		}
		for _, result := range page.Results {
			linked = append(linked, result.Username)
		}
		if page.Next == "" || len(page.Results) == 0 {
			return linked, nil
		}
	}
	return nil, &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonUnexpectedAnswer, Message: unexpectedAnswer,
		Cause: fmt.Errorf("%s: the pages have no end", callLinkedUsers)}
}
