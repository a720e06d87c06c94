// The photograph as a relief to turn: every pixel comes forward by its disparity. A shape, not a scan: relative depth has no metres.

const VERTEX = `
attribute vec2 place; uniform sampler2D map; uniform vec2 turn; uniform float strength, aspect, shape; varying vec2 at; varying float near;
void main() {
  at = place; near = texture2D(map, place).r;
  vec3 p = vec3((place.x - .5) * 2. * min(aspect, 1.), (.5 - place.y) * 2. / max(aspect, 1.), (near - .5) * strength);
  float a = turn.x, b = turn.y;
  p = vec3(p.x * cos(a) + p.z * sin(a), p.y, p.z * cos(a) - p.x * sin(a));
  p = vec3(p.x, p.y * cos(b) - p.z * sin(b), p.z * cos(b) + p.y * sin(b));
  float w = 3.2 - p.z;
  gl_Position = vec4(2.6 * p.x / max(shape, 1.), 2.6 * p.y * min(shape, 1.), -.2 * p.z * w, w);
}`;
const FRAGMENT = `
precision mediump float; uniform sampler2D photo; varying vec2 at; varying float near;
void main() { gl_FragColor = texture2D(photo, at); }`;
const STEPS = 255;  // of the grid along each side: 256 × 256 corners fit in 16 bits

function program(gl) {
  const p = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const s = gl.createShader(kind);
    gl.shaderSource(s, text);
    gl.compileShader(s);
    if (!gl.getShaderParameter(s, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(s));
    gl.attachShader(p, s);
  }
  gl.linkProgram(p);
  return p;
}

function texture(gl, unit, source) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, source);
  for (const o of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, o, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
}

/** Show `photo` and `grey` (canvases; white is near) as a relief on `canvas`. Returns turn(dx, dy) in radians; null where there is no WebGL. */
export function showRelief(canvas, photo, grey) {
  const gl = canvas.getContext("webgl", {antialias: true});
  if (!gl) return null;
  const p = program(gl), side = STEPS + 1, corners = new Float32Array(side * side * 2), faces = new Uint16Array(STEPS * STEPS * 6);
  for (let y = 0, i = 0; y < side; y++) for (let x = 0; x < side; x++) { corners[i++] = x / STEPS; corners[i++] = y / STEPS; }
  for (let y = 0, i = 0; y < STEPS; y++) for (let x = 0; x < STEPS; x++) {
    const a = y * side + x;
    faces.set([a, a + 1, a + side, a + 1, a + side + 1, a + side], i);
    i += 6;
  }
  gl.useProgram(p);
  for (const [kind, data] of [[gl.ARRAY_BUFFER, corners], [gl.ELEMENT_ARRAY_BUFFER, faces]]) {
    gl.bindBuffer(kind, gl.createBuffer());
    gl.bufferData(kind, data, gl.STATIC_DRAW);
  }
  const place = gl.getAttribLocation(p, "place"), at = o => gl.getUniformLocation(p, o), turned = [0.35, -0.15];
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
  texture(gl, 0, photo);
  texture(gl, 1, grey);
  gl.uniform1i(at("photo"), 0);
  gl.uniform1i(at("map"), 1);
  gl.uniform1f(at("aspect"), photo.width / photo.height);
  gl.uniform1f(at("strength"), 0.9);
  gl.enable(gl.DEPTH_TEST);
  return function turn(dx = 0, dy = 0) {
    turned[0] = Math.min(Math.max(turned[0] + dx, -1.2), 1.2);
    turned[1] = Math.min(Math.max(turned[1] + dy, -1), 1);
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight].map(o => Math.max(1, Math.round(o * devicePixelRatio)));
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform2f(at("turn"), ...turned);
    gl.uniform1f(at("shape"), canvas.width / canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_SHORT, 0);
    return [...turned];
  };
}
