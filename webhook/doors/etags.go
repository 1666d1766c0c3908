package doors

import "strings"

// EntityTags splits the lists of entity tags (RFC 9110, 8.8.3) that a header's lines hold.
func EntityTags(lines []string) (tags []string, ok bool) {
	for _, line := range lines {
		rest := strings.TrimSpace(line)
		if rest == "*" && len(lines) == 1 {
			return []string{"*"}, true
		}
		for {
			weak := strings.HasPrefix(rest, "W/")
			quoted, opened := strings.CutPrefix(strings.TrimPrefix(rest, "W/"), `"`)
			opaque, after, closed := strings.Cut(quoted, `"`)
			if !opened || !closed {
				return nil, false
			}
			tag := ETag(opaque)
			if weak {
				tag = "W/" + tag
			}
			tags = append(tags, tag)
			rest = strings.TrimSpace(after)
			if rest == "" {
				break
			}
			next, listed := strings.CutPrefix(rest, ",")
			if !listed {
				return nil, false
			}
			rest = strings.TrimSpace(next)
		}
	}
	return tags, true
}

// ETag is the entity tag of what has a digest: it names the content, so that equal ones have equal tags.
func ETag(digest string) string { return `"` + digest + `"` }
