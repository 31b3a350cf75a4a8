// Command go-verify checks logs and proof files with golang.org/x/mod: its notes, its tiles, its proofs.
// It shares no code with the project; it only finds files and translates their paths.
//
//	go-verify log   -vkey KEY [-proofs N] DIR|URL   one log, as a folder or over HTTP (-token TOKEN)
//	go-verify logs  -vkey KEY [-refused] DIR        every folder in DIR, one log each
//	go-verify proof -vkey KEY [-leaf FILE] [-refused] FILE…   proof files
//
// It prints one line per check and exits with 1 when one fails. With -refused the opposite counts:
// every log or file has to be refused.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

var (
	vkey    string
	token   string
	leaf    string
	refused bool
	proofs  int64
)

func main() {
	flags := flag.NewFlagSet("go-verify", flag.ExitOnError)
	flags.StringVar(&vkey, "vkey", "", "verifier key of the log")
	flags.StringVar(&token, "token", "", "bearer token for HTTP")
	flags.StringVar(&leaf, "leaf", "", "file with the leaf that the proof files are about")
	flags.BoolVar(&refused, "refused", false, "everything has to be refused")
	flags.Int64Var(&proofs, "proofs", 16, "inclusion proofs per log, 0 for one per leaf")
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "go-verify log|logs|proof -vkey KEY …")
		os.Exit(2)
	}
	flags.Parse(os.Args[2:])
	verifier, err := note.NewVerifier(vkey)
	if err == nil && flags.NArg() > 0 {
		switch os.Args[1] {
		case "log":
			os.Exit(checkLogs(verifier, flags.Args()))
		case "logs":
			os.Exit(checkLogs(verifier, folders(flags.Arg(0))))
		case "proof":
			os.Exit(checkProofs(verifier, flags.Args()))
		}
	}
	fmt.Fprintln(os.Stderr, "go-verify: wrong arguments:", err)
	os.Exit(2)
}

// report prints one line and says whether the outcome is the one that was asked for.
func report(name, what string, err error) bool {
	if err != nil {
		fmt.Printf("refused  %s: %v\n", name, err)
		return refused
	}
	fmt.Printf("accepted %s: %s\n", name, what)
	return !refused
}

func finish(passed, failed int) int {
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

// checkLogs checks each log by itself and, in the order of their sizes, each against the one before.
func checkLogs(verifier note.Verifier, places []string) int {
	passed, failed := 0, 0
	var last tlog.Tree
	for _, place := range places {
		log := &source{place: strings.TrimSuffix(place, "/"), tiles: map[string][]byte{}}
		tree, what, err := log.check(verifier, last)
		if report(place, what, err) {
			passed++
		} else {
			failed++
		}
		if err == nil {
			last = tree
		}
	}
	return finish(passed, failed)
}

func checkProofs(verifier note.Verifier, files []string) int {
	passed, failed := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		what := ""
		if err == nil {
			what, err = checkProof(verifier, data)
		}
		if report(file, what, err) {
			passed++
		} else {
			failed++
		}
	}
	return finish(passed, failed)
}

func folders(parent string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-verify:", err)
		os.Exit(2)
	}
	size := func(i int) int { n, _ := strconv.Atoi(entries[i].Name()); return n }
	sort.SliceStable(entries, func(i, j int) bool { return size(i) < size(j) })
	var places []string
	for _, entry := range entries {
		places = append(places, filepath.Join(parent, entry.Name()))
	}
	return places
}

// source is a log in its static layout; it is also x/mod's tile reader.
type source struct {
	place string
	tiles map[string][]byte
}

var client = http.Client{Timeout: 30 * time.Second}

func (s *source) get(path string) ([]byte, error) {
	if !strings.HasPrefix(s.place, "http://") && !strings.HasPrefix(s.place, "https://") {
		return os.ReadFile(filepath.Join(s.place, path))
	}
	request, err := http.NewRequest("GET", s.place+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (s *source) Height() int { return tileHeight }

func (s *source) SaveTiles([]tlog.Tile, [][]byte) {}

func (s *source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := s.tile(tile)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// tile reads tile/8/L/N of x/mod from tile/L/N, and tile/8/data/N from tile/entries/N.
func (s *source) tile(tile tlog.Tile) ([]byte, error) {
	path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
	path = strings.Replace(path, "tile/data/", "tile/entries/", 1)
	if data, known := s.tiles[path]; known {
		return data, nil
	}
	data, err := s.get(path)
	if err == nil {
		s.tiles[path] = data
	}
	return data, err
}

func (s *source) check(verifier note.Verifier, last tlog.Tree) (tree tlog.Tree, what string, err error) {
	signed, err := s.get("checkpoint")
	if err != nil {
		return
	}
	if tree, err = openCheckpoint(verifier, signed); err != nil {
		return
	}
	hashes := tlog.TileHashReader(tree, s)
	if err = s.checkEntries(tree, hashes); err != nil {
		return
	}
	made := int64(0)
	for index := int64(0); index < tree.N; index++ {
		if !sampled(index, tree.N) {
			continue
		}
		made++
		if err = checkRecord(tree, index, hashes); err != nil {
			return
		}
	}
	trees, err := checkTrees(tree, last, hashes)
	what = fmt.Sprintf("%d leaves, %d inclusion and %d consistency proofs", tree.N, made, trees)
	return
}

// checkEntries compares every leaf with the tree: RecordHash against the authenticated level 0.
func (s *source) checkEntries(tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		bundle, err := s.tile(tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: int(width)})
		if err != nil {
			return err
		}
		var indexes []int64
		for i := int64(0); i < width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+i))
		}
		known, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range known {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry bundle ends within leaf %d", first+int64(i))
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != known[i] {
				return fmt.Errorf("leaf %d is not the one in the tree", first+int64(i))
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return fmt.Errorf("entry bundle at leaf %d holds too much", first)
		}
	}
	return nil
}

// sampled picks the ends, the neighbours of tile boundaries, and a spread of the rest.
func sampled(index, size int64) bool {
	if proofs == 0 || size <= proofs {
		return true
	}
	return index == 0 || index == size-1 || index == size/256*256-1 || index%(size/(proofs-2)) == 7
}

func checkRecord(tree tlog.Tree, index int64, hashes tlog.HashReader) error {
	known, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, known[0])
}

// checkTrees proves the tree to continue smaller ones, and the last log that was accepted.
func checkTrees(tree, last tlog.Tree, hashes tlog.HashReader) (int, error) {
	made := 0
	for _, old := range []int64{1, tree.N / 3, tree.N / 2, tree.N / 256 * 256, tree.N - 1, tree.N, last.N} {
		if old < 1 || old > tree.N {
			continue
		}
		root, err := tlog.TreeHash(old, hashes)
		if err != nil {
			return made, err
		}
		if old == last.N && root != last.Hash {
			return made, fmt.Errorf("contradicts the checkpoint of size %d", last.N)
		}
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		if err != nil {
			return made, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

// openCheckpoint verifies the note and reads its three lines; ParseTree knows another header only.
func openCheckpoint(verifier note.Verifier, signed []byte) (tree tlog.Tree, err error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tree, errors.New("checkpoint is not three lines that begin with the log's name")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func checkProof(verifier note.Verifier, file []byte) (string, error) {
	head, signed, found := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("not a proof file")
	}
	lines = lines[1:]
	var extra []byte
	if strings.HasPrefix(lines[0], "extra ") {
		var err error
		if extra, err = strictBase64(lines[0][6:]); err != nil {
			return "", err
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return "", errors.New("the index line is missing")
	}
	index, err := strconv.ParseInt(lines[0][6:], 10, 64)
	if err != nil {
		return "", err
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return "", err
		}
		path = append(path, hash)
	}
	tree, err := openCheckpoint(verifier, signed)
	if err != nil {
		return "", err
	}
	record, fields, err := findLeaf(extra)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
		return "", err
	}
	return fmt.Sprintf("leaf %d of %d, %d fields disclosed", index, tree.N, fields), nil
}

func findLeaf(extra []byte) (record []byte, fields int, err error) {
	if leaf == "" {
		return discloseLeaf(extra)
	}
	record, err = os.ReadFile(leaf)
	return record, 0, err
}
