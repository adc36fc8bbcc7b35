/** Single pictures in another size (Media Capture and Streams, 4.3.8: resizeMode "crop-and-scale"). */
import { test } from 'tap';
import { cropAndScale } from '../../daemon/media/crop-and-scale.ts';
import type { RawPicture } from '../../daemon/media/track-source.ts';

/** A grey picture of these rows. */
function picture(...rows: number[][]): RawPicture {
  const data = Buffer.from(rows.flat().flatMap((grey) => [grey, grey, grey, 255]));
  return { data, width: rows[0]?.length ?? 0, height: rows.length };
}

/** Its rows. */
function rowsOf({ data, width, height }: RawPicture): number[][] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => data[(y * width + x) * 4] ?? -1),
  );
}

test('crop and scale', async (t) => {
  const square = picture([0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110], [120, 130, 140, 150]);
  const table: [string, RawPicture, number, number, number[][]][] = [
    [
      'half',
      square,
      2,
      2,
      [
        [25, 45],
        [105, 125],
      ],
    ],
    ['one pixel', square, 1, 1, [[75]]],
    [
      'the middle of what is too high',
      square,
      4,
      2,
      [
        [40, 50, 60, 70],
        [80, 90, 100, 110],
      ],
    ],
    [
      'the middle of what is too wide',
      square,
      2,
      4,
      [
        [10, 20],
        [50, 60],
        [90, 100],
        [130, 140],
      ],
    ],
    ['both', square, 2, 1, [[65, 85]]],
    [
      'larger',
      picture([1, 2]),
      4,
      2,
      [
        [1, 1, 2, 2],
        [1, 1, 2, 2],
      ],
    ],
  ];
  for (const [name, from, width, height, rows] of table) {
    const scaled = cropAndScale(from, width, height);
    t.same([scaled.width, scaled.height, scaled.data.length], [width, height, width * height * 4], name);
    t.same(rowsOf(scaled), rows, name);
    t.equal(scaled.data[3], 255, 'opaque');
  }
  t.equal(cropAndScale(square, 4, 4), square, 'the same size is the same picture');
});

test('sizes that do not divide', async (t) => {
  const table: [from: [number, number], to: [number, number]][] = [
    [
      [40, 21],
      [4, 75],
    ],
  ];
  for (let width = 1; width <= 16; width++)
    for (let height = 1; height <= 9; height++)
      table.push(
        [
          [16, 9],
          [width, height],
        ],
        [
          [width, height],
          [16, 9],
        ],
      );
  for (const [from, [width, height]] of table) {
    const plain = picture(...Array.from({ length: from[1] }, () => Array<number>(from[0]).fill(77)));
    const scaled = rowsOf(cropAndScale(plain, width, height)).flat();
    t.ok(
      scaled.every((grey) => grey === 77),
      `${from} to ${width},${height}`,
    );
  }
});
