import { describe, expect, test } from 'vitest'
import { decodeDataUrl } from '../../core/images/data-url.ts'

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC'

// Node.js has the Fetch standard's own reader behind `fetch`.
describe('a data: URL is read as `fetch` reads it', () => {
  test.each([
    `data:image/png;base64,${png}`,
    `DATA:image/png;BASE64,${png}`,
    `data:;base64,${png}`,
    `data:image/png;charset=utf-8;name="a.png";base64,${png}`,
    `data:image/png; base64,${png}`,
    `data:image/png;   BaSe64  ,${png}`,
    `data: image/png ;base64,${png}`,
    `data:image/png;base64,${png.slice(0, 40)}\n${png.slice(40)}\r\n`,
    `data:image/png;base64, ${png.slice(0, 40)} \t ${png.slice(40)}`,
    `data:image/png;base64,${png.replaceAll('+', '%2B').replaceAll('/', '%2F').replaceAll('=', '%3D')}`,
    `data:image/png;base64,${png}#fragment`,
    'data:image/png;base64,iVBORw0KGgo=',
    'data:image/png;base64,iVBORw0KGgo',
    'data:image/png;base64,',
    'data:image/png,%89PNG%0d%0A%1a%0a',
    'data:image/png;base64;x=y,%89PNG',
    'data:,Fr%C3%BCchte Früchte %zz %',
  ])('%s', async (url) => {
    const expected = Buffer.from(await (await fetch(url)).arrayBuffer())
    expect(Buffer.from(decodeDataUrl(url, 1_000))).toEqual(expected)
  })

  test.each<[string, RegExp]>([
    ['data:image/png;base64', /no comma/],
    ['data:image/png;base64,a$b=', /"\$".*no digit of base64/],
    ['data:image/png;base64,iVBO=Rw0KGgo', /"=".*no digit of base64/],
    ['data:image/png;base64,iVBORw0KGgo==', /"=".*no digit of base64/],
    ['data:image/png;base64,_-BORw0KGgo', /base64url.*\+ for -/],
    ['data:image/png;base64,iVBORw0KGgoAA', /cut off/],
    ['data:image/png;base64,é', /no digit of base64/],
  ])('%s is refused by both, and told why', async (url, message) => {
    await expect(fetch(url)).rejects.toThrow()
    expect(() => decodeDataUrl(url, 1_000)).toThrow(message)
    expect(() => decodeDataUrl(url, 1_000)).toThrow(expect.objectContaining({ code: 'image.invalid_url' }))
  })
})

test('one that is too large is told its size and the limit', () => {
  const url = `data:image/png;base64,${Buffer.alloc(5_250_001).toString('base64')}`
  expect(() => decodeDataUrl(url, 4_000_000)).toThrow(/data: URL may have 4 MB, and this one has 5\.26 MB\. Upload/)
})
