module indelible.invalid/go-verify

go 1.21

require golang.org/x/mod v0.7.0

// Debian's package golang-golang-x-mod-dev puts the source here; nothing is fetched.
replace golang.org/x/mod => /usr/share/gocode/src/golang.org/x/mod
