package kernel

// The operations on rows take the columns that bias, or dst, covers; rows lie stride apart.

func portableAddBias(c, bias []float32, m, stride int) {
	for i := range m {
		row := c[i*stride:][:len(bias)]
		for j, b := range bias {
			row[j] += b
		}
	}
}

func portableBiasRelu(c, bias []float32, m, stride int) {
	for i := range m {
		row := c[i*stride:][:len(bias)]
		for j, b := range bias {
			v := row[j] + b
			if v < 0 {
				v = 0
			}
			row[j] = v
		}
	}
}

func portableSumRows(dst, c []float32, m, stride int) {
	for i := range m {
		for j, v := range c[i*stride:][:len(dst)] {
			dst[j] += v
		}
	}
}
