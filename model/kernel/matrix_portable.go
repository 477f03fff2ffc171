package kernel

// portableNT takes rows of b four at a time, so that each value of a is read once for four products.
func portableNT(c, a, b []float32, m, n, k int, add bool) {
	for i := range m {
		x, out := a[i*k:][:k], c[i*n:][:n]
		j := 0
		for ; j+4 <= n; j += 4 {
			s0, s1, s2, s3 := dot4(x, b[j*k:][:4*k])
			if add {
				s0, s1, s2, s3 = s0+out[j], s1+out[j+1], s2+out[j+2], s3+out[j+3]
			}
			out[j], out[j+1], out[j+2], out[j+3] = s0, s1, s2, s3
		}
		for ; j < n; j++ {
			s := portableDot(x, b[j*k:][:k])
			if add {
				s += out[j]
			}
			out[j] = s
		}
	}
}

// dot4 gives the products of x with four rows that follow each other.
func dot4(x, rows []float32) (s0, s1, s2, s3 float32) {
	k := len(x)
	r0, r1, r2, r3 := rows[:k], rows[k:][:k], rows[2*k:][:k], rows[3*k:][:k]
	for p, v := range x {
		s0 += v * r0[p]
		s1 += v * r1[p]
		s2 += v * r2[p]
		s3 += v * r3[p]
	}
	return s0, s1, s2, s3
}

// portableNN and portableTN are one loop: the rows of b, each added to each row of c with a factor out of a.
func portableNN(c, a, b []float32, m, n, k int, add bool) { rows(c, a, b, m, n, k, k, 1, add) }

func portableTN(c, a, b []float32, m, n, k int, add bool) { rows(c, a, b, m, n, k, 1, m, add) }

// rows adds factor(i, p)·b[p] to c[i], where factor(i, p) is a[i*down + p*along]. Four rows of b at a time spare c three
// of four reads and writes.
func rows(c, a, b []float32, m, n, k, down, along int, add bool) {
	for i := range m {
		out := c[i*n:][:n]
		if !add {
			clear(out)
		}
		p := 0
		for ; p+4 <= k; p += 4 {
			f := i*down + p*along
			axpy4(out, b[p*n:][:4*n], a[f], a[f+along], a[f+2*along], a[f+3*along])
		}
		for ; p < k; p++ {
			portableAxpy(a[i*down+p*along], b[p*n:][:n], out)
		}
	}
}

// axpy4 adds four rows that follow each other to out, each with its factor.
func axpy4(out, rows []float32, f0, f1, f2, f3 float32) {
	n := len(out)
	r0, r1, r2, r3 := rows[:n], rows[n:][:n], rows[2*n:][:n], rows[3*n:][:n]
	for j := range out {
		out[j] += f0*r0[j] + f1*r1[j] + f2*r2[j] + f3*r3[j]
	}
}
