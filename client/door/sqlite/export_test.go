package sqlite

import (
	"context"
	"fmt"
)

// LimitPages makes the file refuse to grow, as a full disk does.
func (s *Store) LimitPages(ctx context.Context, n int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}
