# /// script
# dependencies = ["sympy"]
# [tool.libraries]
# environment = "science"
# ///
import sympy as sp

x = sp.symbols("x")
assert sp.integrate(sp.sin(x) * x, x) == -x * sp.cos(x) + sp.sin(x)
assert sp.solve(x**2 - 2) == [-sp.sqrt(2), sp.sqrt(2)]
assert sp.latex(sp.Rational(1, 2)) == r"\frac{1}{2}"
assert sp.lambdify(x, x**2, "math")(3) == 9
