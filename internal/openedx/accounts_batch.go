package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const pathAccounts = "/api/user/v1/accounts"

// searchEmails gives the accounts that have the e-mail addresses, as far as a search shows them; nil is none. Addresses of
// retired accounts, and the second ones of others, are as if nobody had them.
func (c *Client) searchEmails(ctx context.Context, first *pass, _ string, emails []string) []fulfilled[*account] {
	return lookUp(first, emails, func(pass *pass, emails []string) ([]fulfilled[*account], error) {
		var found []account
		err := c.do(ctx, request{
			call: callSearchEmails, method: http.MethodPost, path: pathAccounts + "/search_emails",
			json: map[string][]string{"emails": emails}, pass: pass, items: len(emails),
		}, &found)
		// The database may take letters with and without accents for the same; that is another person's account.
		return byName(found, err, emails, func(a account) string { return a.Email }), err
	})
}

// accountsByUsername gives the accounts with the usernames; nil is none.
func (c *Client) accountsByUsername(ctx context.Context, first *pass, _ string, usernames []string) []fulfilled[*account] {
	return lookUp(first, usernames, func(pass *pass, usernames []string) ([]fulfilled[*account], error) {
		var found []account
		err := c.do(ctx, request{
			call: callAccountByUsername, method: http.MethodGet, path: pathAccounts,
			query: url.Values{"username": {strings.Join(usernames, ",")}}, pass: pass, items: len(usernames),
		}, &found)
		if errors.Is(err, errAbsent) {
			err = nil // Not one of them is there.
		}
		return byName(found, err, usernames, func(a account) string { return a.Username }), err
	})
}

// lookUp looks names up with one call, or with one each where that fails for what may be one of them.
func lookUp(first *pass, names []string, call func(*pass, []string) ([]fulfilled[*account], error)) []fulfilled[*account] {
	found, err := call(first, names)
	if !isPerhapsOfOne(err) || len(names) == 1 {
		return found
	}
	for i, name := range names {
		one, _ := call(nil, []string{name})
		found[i] = one[0]
	}
	return found
}

// byName gives to each name the item that has it, in whatever case; nil if none has.
func byName[T any](items []T, err error, names []string, nameOf func(T) string) []fulfilled[*T] {
	all := map[string]*T{}
	for i := range items {
		all[strings.ToLower(nameOf(items[i]))] = &items[i]
	}
	found := make([]fulfilled[*T], len(names))
	for i, name := range names {
		found[i] = fulfilled[*T]{all[strings.ToLower(name)], err}
	}
	return found
}
