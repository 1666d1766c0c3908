package openedxtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// identity is who somebody is to a provider of single sign-on, by its own id for them.
type identity struct{ provider, uid string }

// EnableSSO switches a provider of single sign-on on, by the id that the platform knows it by, such as oa2-keycloak.
func (s *Server) EnableSSO(providerID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.providers[providerID] = true
}

// DisableSSO switches a provider off. What is linked to it stays so.
func (s *Server) DisableSSO(providerID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.providers, providerID)
}

// SignOn is a single sign-on of somebody whom the provider knows by an id and an e-mail address. It gives the username of
// the account that they are logged in to: the one that is linked to the id, else the one with the address, which is linked then.
// It fails where the learner lands elsewhere.
func (s *Server) SignOn(providerID, uid, email string) (username string, err error) {
	s.locked(func() {
		if !s.providers[providerID] {
			err = fmt.Errorf("there is no provider %s", providerID)
			return
		}
		who := identity{providerID, uid}
		u, linked := s.links[who]
		if !linked {
			u = s.emails[fold(email)]
		}
		switch {
		case u == nil:
			err = fmt.Errorf("no account has the address: this is the registration page")
		case !linked && !u.active:
			err = fmt.Errorf("the account is inactive: this is the page for passwords")
		case u.password == "":
			err = fmt.Errorf("403: the account is disabled")
		default:
			s.links[who] = u
			u.lastLogin = s.clock.Now()
			username = u.username
			s.tellOfUser(u, "auth.session.login.completed")
		}
	})
	return username, err
}

// DropPassword makes the password of an account unusable, as staff do to disable it.
func (s *Server) DropPassword(username string) {
	s.change(username, func(u *user) { u.password = "" })
}

// listLinks is GET /api/third_party_auth/v0/providers/{provider}/users: the links of accounts to a provider, of those that the
// filters name, or all.
func listLinks(c *call) answer {
	provider := c.vars["provider"]
	if len(c.providers) == 0 {
		return page(http.StatusNotFound) // Without third-party sign-on there is no such address.
	}
	if !c.providers[provider] {
		return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Not found."})
	}
	usernames, ids := c.list("username"), c.list("remote_id")
	found := []object{}
	for who, u := range c.links {
		named := slices.ContainsFunc(usernames, func(name string) bool { return fold(name) == fold(u.username) })
		if who.provider == provider && (named || slices.Contains(ids, who.uid) || usernames == nil && ids == nil) {
			found = append(found, object{"username": u.username, "remote_id": who.uid})
		}
	}
	slices.SortFunc(found, func(a, b object) int {
		return cmp.Or(cmp.Compare(a["username"].(string), b["username"].(string)), cmp.Compare(a["remote_id"].(string), b["remote_id"].(string)))
	})
	return c.numberedPage(found)
}

func (c *call) list(parameter string) []string {
	if c.query(parameter) == "" {
		return nil
	}
	return strings.Split(c.query(parameter), ",")
}

// The size of a numbered page: what it is without being asked for, and the most.
const (
	numberedPageSize    = 10
	maxNumberedPageSize = 100
)

// numberedPage cuts out a page by its number, as the platform's newer APIs do.
func (c *call) numberedPage(all []object) answer {
	size, number := numberedPageSize, 1
	if n, err := strconv.Atoi(c.query("page_size")); err == nil && n > 0 {
		size = min(n, maxNumberedPageSize)
	}
	pages := max(1, (len(all)+size-1)/size)
	if text := c.query("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pages {
			return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Invalid page."})
		}
		number = n
	}
	at := func(n int) any {
		if n < 1 || n > pages {
			return nil
		}
		query := c.request.URL.Query()
		query.Set("page", strconv.Itoa(n))
		return c.url(c.request.URL.Path) + "?" + query.Encode()
	}
	begin := (number - 1) * size
	return ok(object{
		"count": len(all), "next": at(number + 1), "previous": at(number - 1),
		"num_pages": pages, "current_page": number, "start": begin,
		"results": all[begin:min(begin+size, len(all))],
	})
}
