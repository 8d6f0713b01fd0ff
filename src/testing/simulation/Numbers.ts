/** Numbers that follow from a seed: the same on every machine. Not for secrets. */

/** Splits a seed into others that have nothing to do with one another (SplitMix32). */
const split = (state: number): number => {
  let z = (state + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

/** FNV-1a, in 32 bits. */
export const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** sfc32, by Chris Doty-Humphrey (PractRand). */
export class Numbers {
  private a: number
  private b: number
  private c: number
  private counter = 1

  /** `stream`: what the numbers are for; two streams of one seed are unlike each other. */
  constructor(seed: number, stream: string) {
    this.a = split(seed >>> 0)
    this.b = split(this.a ^ Math.floor(seed / 2 ** 32))
    this.c = split(this.b ^ hash(stream))
    for (let i = 0; i < 12; i++) this.next()
  }

  /** 32 bits. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum
    return sum >>> 0
  }

  /** From 0 up to and without `count`. */
  below(count: number): number {
    return this.next() % count
  }

  /** At least 0, and less than 1. */
  fraction(): number {
    return this.next() / 2 ** 32
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** Of a list that is not empty. */
  pick<A>(list: ReadonlyArray<A>): A {
    return list[this.below(list.length)]!
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    for (let i = 0; i < size; i += 4) {
      const four = this.next()
      for (let j = 0; j < 4 && i + j < size; j++) bytes[i + j] = (four >>> (8 * j)) & 255
    }
    return bytes
  }
}
