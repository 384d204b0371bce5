import { describe, expect, test } from 'vitest'
import { fileKey, readCsv, textOf } from '../../console/src/new/csv.ts'

describe('a CSV of pictures', () => {
  test('names files or addresses, a SKU, and facts by their columns; empty cells say nothing', async () => {
    const { rows, problems } = await readCsv(
      '\uFEFFFile;Image URL;SKU;price;facts.size\nphotos\\vase.jpg;;OST-1;129,00 €;\n;https://shop.example/a%20b.png;;"say ""hi""; twice";XL\n\n',
    )
    expect(problems).toEqual([])
    expect(rows).toEqual([
      { line: 2, source: { file: 'vase.jpg' }, sku: 'OST-1', facts: { price: '129,00 €' } },
      {
        line: 3,
        source: { url: 'https://shop.example/a%20b.png' },
        sku: '',
        facts: { price: 'say "hi"; twice', size: 'XL' },
      },
    ])
  })

  test('is told by its lines what cannot be used, also after a cell of several lines', async () => {
    const facts = 'x'.repeat(4_100)
    const { rows, problems } = await readCsv(
      `url,note\nhttps://a.example/1.png,"two\nlines"\nftp://b,\n,note alone\n,\nhttps://c.example/,${facts}`,
    )
    expect(rows.map(({ line }) => line)).toEqual([2])
    expect(problems).toEqual([
      { line: 4, why: '“ftp://b” is no address of https or http.' },
      { line: 5, why: 'It names neither a file nor a url.' },
      { line: 7, why: 'Its facts are more than 4,096 bytes.' },
    ])
    expect((await readCsv('name,price\nA,1')).problems).toEqual([
      { line: 1, why: 'The header names no column “file” and no column “url”.' },
    ])
  })

  test('has a value under a header without a name refused, with the columns there are', async () => {
    const { rows, problems } = await readCsv('file,,price\na.png,red,1\nb.png, ,2\nc.png,,3,left over\n')
    expect(rows.map(({ line }) => line)).toEqual([3])
    expect(problems).toEqual([
      { line: 2, why: 'It has a value in column 2, which has no name. The columns are “file”, “price”.' },
      { line: 4, why: 'It has a value in column 4, which has no name. The columns are “file”, “price”.' },
    ])
  })

  test.each(['sep=;', '"SEP=;"'])('is separated by what its first line %s says', async (first) => {
    const { rows, problems } = await readCsv(`\uFEFF${first}\r\nfile;price,a,b,c\r\na.png;1\r\n;2\r\n`)
    expect(rows).toEqual([{ line: 3, source: { file: 'a.png' }, sku: '', facts: { 'price,a,b,c': '1' } }])
    expect(problems.map(({ line }) => line)).toEqual([4])
  })

  test('has no more rows than a batch takes', async () => {
    const { rows, problems } = await readCsv(`file\n${'a.png\n'.repeat(10_002)}`)
    expect(rows).toHaveLength(10_000)
    expect(problems).toEqual([
      { line: 10_002, why: 'A batch takes 10,000 pictures: this row and those after it were left out.' },
    ])
  })

  test('is read as spreadsheets write it, and finds its files whatever the case and the form of a letter', () => {
    expect(textOf(new Uint8Array([0x47, 0x72, 0xfc, 0xdf, 0x65, 0x80]))).toBe('Grüße€')
    expect(textOf(new TextEncoder().encode('Grüße'))).toBe('Grüße')
    expect(fileKey('C:\\photos\\Gru\u0308n.JPG')).toBe(fileKey('grün.jpg'))
  })
})
