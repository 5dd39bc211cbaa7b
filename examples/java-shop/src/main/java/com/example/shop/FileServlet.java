package com.example.shop;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Pictures of products. */
@WebServlet("/pictures")
public class FileServlet extends HttpServlet {
    private static final String FOLDER = "/var/shop/pictures/";

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String name = request.getParameter("name");
        try (FileInputStream in = new FileInputStream(new File(FOLDER, name))) {
            in.transferTo(response.getOutputStream());
        }
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        try (ZipInputStream zip = new ZipInputStream(request.getInputStream())) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                File target = new File(FOLDER, entry.getName());
                try (FileOutputStream out = new FileOutputStream(target)) {
                    zip.transferTo(out);
                }
            }
        }
    }

    @Override
    protected void doDelete(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String name = request.getParameter("name");
        Process process = Runtime.getRuntime().exec(new String[] {"sh", "-c", "rm -f " + FOLDER + name});
        process.onExit().join();
    }
}
