package openedxtest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	passwordMinLength = 8
	passwordMaxLength = 75
	// maxSimilarity is how much of a password may be in the username or address.
	maxSimilarity = 0.7
)

var nonWord = regexp.MustCompile(`[^\pL\pN_]+`)

// passwordMistakes are what the platform's password validators find. Similarity is judged once a username is known to be good.
func passwordMistakes(password, username, email string) []string {
	var mistakes []string
	if username != "" {
		if similar(password, username) {
			mistakes = append(mistakes, "The password is too similar to the username.")
		} else if similar(password, email) {
			mistakes = append(mistakes, "The password is too similar to the email address.")
		}
	}
	switch length := utf8.RuneCountInString(password); {
	case length < passwordMinLength:
		mistakes = append(mistakes, fmt.Sprintf("This password is too short. It must contain at least %d characters.", passwordMinLength))
	case length > passwordMaxLength:
		mistakes = append(mistakes, fmt.Sprintf("This password is too long. It must contain no more than %d characters.", passwordMaxLength))
	}
	return mistakes
}

// similar compares a password with a value and with each word of it.
func similar(password, value string) bool {
	password, value = strings.ToLower(password), strings.ToLower(value)
	for _, part := range append(nonWord.Split(value, -1), value) {
		long, short := utf8.RuneCountInString(password), utf8.RuneCountInString(part)
		if part == "" || long >= 10*short && float64(short) < maxSimilarity/2*float64(long) {
			continue // too short to matter in such a password
		}
		if 2*float64(commonLetters(password, part))/float64(long+short) >= maxSimilarity {
			return true
		}
	}
	return false
}

// commonLetters counts the letters two words share, whatever their order.
func commonLetters(a, b string) int {
	available := map[rune]int{}
	for _, r := range b {
		available[r]++
	}
	common := 0
	for _, r := range a {
		if available[r] > 0 {
			available[r]--
			common++
		}
	}
	return common
}
