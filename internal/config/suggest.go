package config

import "fmt"

// Suggest ends a message about an unknown flag with the nearest known one, or returns "".
func (s *Set) Suggest(flag string) string {
	return s.suggest(flag, func(name string) string { return "--" + name })
}

// suggest names the nearest option as show would write it, when one is near enough to be a slip of the finger.
func (s *Set) suggest(unknown string, show func(string) string) string {
	best, near := 1+len(unknown)/3, ""
	for _, o := range s.options {
		if d := distance(unknown, o.name); d < best || d == best && near == "" {
			best, near = d, o.name
		}
	}
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", show(near))
}

// distance counts the single-byte edits between a and b (Levenshtein, one row at a time).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
