package kernel

// Operations on rows go down one stripe of columns at a time, so that the columns behind the last whole vector are a
// matrix too, with the same distance between its rows.

func (l level) addBias(c, bias []float32, m int) {
	stride := len(bias)
	if m == 0 || stride == 0 {
		return
	}
	wide, narrow := l.parts(stride)
	if wide > 0 {
		addBiasAVX512(&c[0], &bias[0], m, stride*int(word), wide)
		c, bias = from(c, wide), from(bias, wide)
	}
	if narrow > 0 {
		addBiasAVX2(&c[0], &bias[0], m, stride*int(word), narrow)
		c, bias = from(c, narrow), from(bias, narrow)
	}
	portableAddBias(c, bias, m, stride)
}

func (l level) biasRelu(c, bias []float32, m int) {
	stride := len(bias)
	if m == 0 || stride == 0 {
		return
	}
	wide, narrow := l.parts(stride)
	if wide > 0 {
		biasReluAVX512(&c[0], &bias[0], m, stride*int(word), wide)
		c, bias = from(c, wide), from(bias, wide)
	}
	if narrow > 0 {
		biasReluAVX2(&c[0], &bias[0], m, stride*int(word), narrow)
		c, bias = from(c, narrow), from(bias, narrow)
	}
	portableBiasRelu(c, bias, m, stride)
}

func (l level) sumRows(dst, c []float32, m int) {
	stride := len(dst)
	if m == 0 || stride == 0 {
		return
	}
	wide, narrow := l.parts(stride)
	if wide > 0 {
		sumRowsAVX512(&c[0], &dst[0], m, stride*int(word), wide)
		c, dst = from(c, wide), from(dst, wide)
	}
	if narrow > 0 {
		sumRowsAVX2(&c[0], &dst[0], m, stride*int(word), narrow)
		c, dst = from(c, narrow), from(dst, narrow)
	}
	portableSumRows(dst, c, m, stride)
}
