package train

import "github.com/cinesync/cinesync/model"

// modelBytes is the length of a model as devices fetch it.
func modelBytes(s *model.Snapshot) int64 { return int64(len(s.Encode())) }
