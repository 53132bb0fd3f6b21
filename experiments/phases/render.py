"""Draws a mesh that `karhunen sample --out x.stl` wrote: python3 render.py x.stl x.png. Needs pyvista."""

import sys

import pyvista

mesh = pyvista.read(sys.argv[1]).clean().compute_normals(feature_angle=60, split_vertices=True)
plotter = pyvista.Plotter(off_screen=True, window_size=(1000, 900))
plotter.set_background("white")
plotter.add_mesh(mesh, color="#c9a36a", smooth_shading=True, ambient=0.15, diffuse=0.8, specular=0.1)
plotter.add_mesh(mesh.outline(), color="black", line_width=1)
plotter.enable_ssao(radius=0.08 * mesh.length, kernel_size=128)
plotter.enable_anti_aliasing("ssaa")
plotter.camera_position = [(1.0, 0.75, 0.6), (0, 0, 0), (0, 0, 1)]
plotter.reset_camera()
plotter.camera.zoom(1.1)
plotter.screenshot(sys.argv[2])
print(f"{mesh.n_cells} triangles")
