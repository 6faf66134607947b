// Highlights painted anew from how strongly each place is marked: in colours that every eye tells apart (dark blue to
// yellow, growing lighter all the way, after the map "cividis"), or as outlines, which need no colour at all.
const LONGEST = 1024; // pixels: enough for a screen, and quick
const FAINTEST = 20; // of 255; below it, nothing is marked
const LEAST_RANGE = 40; // of 255; an overlay that is equally thick everywhere tells its marks by colour alone
const STOPS = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
const BANDS = 3;

// {width, height, values}: 0–255 for each pixel, or null where the overlay has no transparency to tell it by.
export async function intensityOf(image) {
  try {
    await image.decode();
    const scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
    const width = Math.max(1, Math.round(image.naturalWidth * scale));
    const height = Math.max(1, Math.round(image.naturalHeight * scale));
    const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const values = new Uint8ClampedArray(width * height);
    let least = 255;
    let most = 0;
    for (let place = 0; place < values.length; place += 1) {
      values[place] = data[4 * place + 3];
      least = Math.min(least, values[place]);
      most = Math.max(most, values[place]);
    }
    if (most - least < LEAST_RANGE) {
      return null;
    }
    for (let place = 0; place < values.length; place += 1) {
      values[place] = (values[place] * 255) / most;
    }
    return { width, height, values };
  } catch (error) {
    return null; // it could not be shown; its own address says why
  }
}

export function paint({ width, height, values }, palette) {
  const canvas = canvasOf(width, height);
  const context = canvas.getContext("2d");
  const painted = context.createImageData(width, height);
  if (palette === "lines") {
    outline(painted.data, width, height, values);
  } else {
    fill(painted.data, values);
  }
  context.putImageData(painted, 0, 0);
  return canvas;
}

function fill(data, values) {
  values.forEach((value, place) => {
    if (value >= FAINTEST) {
      const along = (value / 255) * (STOPS.length - 1);
      const at = Math.min(STOPS.length - 2, Math.floor(along));
      const colour = STOPS[at].map((from, band) => from + (STOPS[at + 1][band] - from) * (along - at));
      data.set([...colour, 225 * Math.sqrt(value / 255)], 4 * place);
    }
  });
}

// A light line with a dark one inside it, at each third: seen on any photograph.
function outline(data, width, height, values) {
  const band = (x, y) => {
    const value = values[Math.min(height - 1, y) * width + Math.min(width - 1, x)];
    return value < FAINTEST ? 0 : 1 + Math.min(BANDS - 1, Math.floor((value * BANDS) / 256));
  };
  const thick = Math.max(1, Math.round(Math.max(width, height) / 400));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const here = band(x, y);
      if (here !== band(x + thick, y) || here !== band(x, y + thick)) {
        data.set([255, 255, 255, 255], 4 * (y * width + x));
      } else if (here !== band(x + 2 * thick, y) || here !== band(x, y + 2 * thick)) {
        data.set([0, 0, 0, 255], 4 * (y * width + x));
      }
    }
  }
}

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
