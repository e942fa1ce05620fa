// The contrast of every text with what lies behind it, by the formula of WCAG 2.1, section 1.4.3.
() => {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const linear = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (layers) => {
    for (const colour of layers) {
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = [...pixel.getImageData(0, 0, 1, 1).data].map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff";
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.unshift(getComputedStyle(one).backgroundColor);
    }
    return [canvas, ...layers];
  };
  const has_text = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("body *")].filter(has_text).map((one) => {
    const layers = behind(one);
    const back = luminance(layers);
    const front = luminance([...layers, getComputedStyle(one).color]);
    const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    return [ratio, one.outerHTML.slice(0, 120)];
  });
}
