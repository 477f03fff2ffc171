package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/train"
)

// trainPage is `cinesync train page`.
func trainPage() *cobra.Command {
	var runs, out string
	cmd := &cobra.Command{Use: "page", Short: "Write docs/accuracy.md from the reports that train --json printed", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if runs == "" || filepath.Ext(out) != ".md" {
				return usageError{fmt.Errorf("--runs is %q and --out is %q: want a folder of NAME.json and a file that ends in .md", runs, out)}
			}
			pictures := strings.TrimSuffix(filepath.Base(out), ".md")
			folder := os.DirFS(runs)
			page, err := train.Page(folder, pictures)
			if err != nil {
				return err
			}
			if err := copyPictures(folder, filepath.Join(filepath.Dir(out), pictures)); err != nil {
				return err
			}
			if err := os.WriteFile(out, page, 0o644); err != nil {
				return fmt.Errorf("write page: %w", err)
			}
			return nil
		}}
	cmd.Flags().StringVar(&runs, "runs", "", "folder of the reports, NAME.json and NAME.svg")
	cmd.Flags().StringVar(&out, "out", "", "the page; pictures go into a folder of its name beside it")
	return cmd
}

// copyPictures puts the pictures of a folder beside the page.
func copyPictures(from fs.FS, to string) error {
	names, err := fs.Glob(from, "*.svg")
	if err != nil || len(names) == 0 {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("write pictures: %w", err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("read picture: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			return fmt.Errorf("write picture: %w", err)
		}
	}
	return nil
}
