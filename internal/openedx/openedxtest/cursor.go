package openedxtest

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// listCursor points between two enrollments of a list, as the platform's cursors do: it names the time of one of them,
// and how many of those next to it were made at another time than that. So one survives what is added to the list meanwhile.
type listCursor struct {
	back     bool
	position time.Time // zero: that end of the list at which reading begins
	offset   int
}

// pageOf cuts the page out of a list, the newest first, that the request's cursor points at.
// A page that a cursor led to has one on its other side too, whether there is anything or not.
func (c *call) pageOf(list []*enrollment) (shown []*enrollment, next, previous any, valid bool) {
	size := maxPageSize
	if n, err := strconv.Atoi(c.query("page_size")); err == nil && n > 0 {
		size = min(n, maxPageSize)
	}
	cursor, err := parseCursor(c.query("cursor"))
	if err != nil {
		return nil, nil, nil, false
	}
	led := !cursor.position.IsZero() || cursor.offset > 0
	begin, end := cursor.in(list), len(list)
	if cursor.back {
		begin, end = max(0, begin-size), begin
	} else {
		end = min(end, begin+size)
	}
	if end < len(list) || led && cursor.back {
		next = c.cursorURL(cursorAfter(list, end))
	}
	if begin > 0 || led && !cursor.back {
		previous = c.cursorURL(cursorBefore(list, begin))
	}
	return list[begin:end], next, previous, true
}

// in is the index of the first enrollment after the place a cursor points at.
func (cursor listCursor) in(list []*enrollment) int {
	if cursor.back {
		at := len(list)
		for at > 0 && !cursor.position.IsZero() && !madeAt(list[at-1]).After(cursor.position) {
			at--
		}
		return max(0, at-cursor.offset)
	}
	at := 0
	for at < len(list) && !cursor.position.IsZero() && !madeAt(list[at]).Before(cursor.position) {
		at++
	}
	return min(len(list), at+cursor.offset)
}

// cursorAfter leads on to what begins at an index.
func cursorAfter(list []*enrollment, at int) listCursor {
	for i := at - 1; i >= 0; i-- {
		if at == len(list) || !madeAt(list[i]).Equal(madeAt(list[at])) {
			return listCursor{position: madeAt(list[i]), offset: at - 1 - i}
		}
	}
	return listCursor{offset: at}
}

// cursorBefore leads back to what ends before an index.
func cursorBefore(list []*enrollment, at int) listCursor {
	for i := at; i < len(list); i++ {
		if at == 0 || !madeAt(list[i]).Equal(madeAt(list[at-1])) {
			return listCursor{back: true, position: madeAt(list[i]), offset: i - at}
		}
	}
	return listCursor{back: true, offset: len(list) - at}
}

// madeAt is when an enrollment was made, as exactly as the database knows it.
func madeAt(e *enrollment) time.Time { return e.created.UTC().Truncate(time.Microsecond) }

const (
	cursorTime       = "2006-01-02 15:04:05.000000-07:00"
	cursorTimeParsed = "2006-01-02 15:04:05-07:00" // takes fractions too
)

func parseCursor(text string) (listCursor, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return listCursor{}, err
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return listCursor{}, err
	}
	cursor := listCursor{}
	if p := values.Get("p"); p != "" {
		if cursor.position, err = time.Parse(cursorTimeParsed, p); err != nil {
			return listCursor{}, err
		}
	}
	if o := values.Get("o"); o != "" {
		if cursor.offset, err = strconv.Atoi(o); err != nil {
			return listCursor{}, err
		}
	}
	if cursor.offset < 0 {
		return listCursor{}, errors.New("an offset below zero")
	}
	cursor.back = values.Get("r") == "1"
	return cursor, nil
}

func (c *call) cursorURL(cursor listCursor) string {
	values := url.Values{}
	if !cursor.position.IsZero() {
		values.Set("p", cursor.position.Format(cursorTime))
	}
	if cursor.offset > 0 {
		values.Set("o", strconv.Itoa(cursor.offset))
	}
	if cursor.back {
		values.Set("r", "1")
	}
	query := c.request.URL.Query()
	query.Set("cursor", base64.StdEncoding.EncodeToString([]byte(values.Encode())))
	return c.url(c.request.URL.Path) + "?" + query.Encode()
}
