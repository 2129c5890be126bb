// The signs of units on the map: each has a shape of its own, so that no colour has to be told from another.

export function drawDot(pen, left, top, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(left, top, 4.5, 0, 2 * Math.PI);
  pen.fill();
}

// The game's heading grows counter-clockwise from north.
export function drawArrow(pen, left, top, heading, { unit, map }) {
  const turn = (-heading * Math.PI) / 180;
  const [sine, cosine] = [Math.sin(turn), Math.cos(turn)];
  pen.beginPath();
  [[0, -9], [5.5, 7], [0, 3.5], [-5.5, 7]].forEach(([x, y], number) => {
    const [across, down] = [left + x * cosine - y * sine, top + x * sine + y * cosine];
    if (number === 0) {
      pen.moveTo(across, down);
    } else {
      pen.lineTo(across, down);
    }
  });
  pen.closePath();
  pen.lineWidth = 1;
  pen.strokeStyle = map;
  pen.fillStyle = unit;
  pen.fill();
  pen.stroke();
}

export function drawRing(pen, left, top, colour) {
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.setLineDash([3, 2]);
  pen.beginPath();
  pen.arc(left, top, 5.5, 0, 2 * Math.PI);
  pen.stroke();
  pen.setLineDash([]);
}

export function drawCross(pen, left, top, colour) {
  pen.lineWidth = 3;
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(left - 5, top - 5);
  pen.lineTo(left + 5, top + 5);
  pen.moveTo(left + 5, top - 5);
  pen.lineTo(left - 5, top + 5);
  pen.stroke();
}

export function drawPanic(pen, left, top, { problem, card, map }) {
  pen.beginPath();
  pen.moveTo(left, top - 12);
  pen.lineTo(left + 12, top);
  pen.lineTo(left, top + 12);
  pen.lineTo(left - 12, top);
  pen.closePath();
  pen.fillStyle = problem;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = map;
  pen.stroke();
  pen.lineWidth = 2.5;
  pen.strokeStyle = card;
  pen.beginPath();
  pen.moveTo(left, top - 6);
  pen.lineTo(left, top + 2);
  pen.moveTo(left, top + 4.5);
  pen.lineTo(left, top + 6.5);
  pen.stroke();
}
